"""[oslo_messaging_rabbit], [oslo_messaging_notifications], [oslo_messaging_kafka]: the broker.

Only options that this code looks at or whose defaults matter here are declared; the messaging library reads
all of its others from the same files.
"""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class OsloMessagingRabbit(Section):
    """Options of the section [oslo_messaging_rabbit]."""

    rabbit_quorum_queue: bool = opt(False, "Whether queues are quorum queues, kept on several brokers.")
    rabbit_transient_quorum_queue: bool = opt(False, "Whether reply queues are quorum queues too.")
    rabbit_quorum_delivery_limit: int = opt(
        0, "How often a message is delivered again; 0 is unlimited.", min=0
    )
    rabbit_quorum_max_memory_length: int = opt(
        0, "Messages of a queue kept in memory; 0 is unlimited.", min=0
    )
    rabbit_quorum_max_memory_bytes: int = opt(0, "Bytes of a queue kept in memory; 0 is unlimited.", min=0)
    rabbit_transient_queues_ttl: int = opt(1800, "Seconds an unused reply queue is kept.", min=0)
    rabbit_qos_prefetch_count: int = opt(0, "Messages taken ahead of use; 0 is unlimited.", min=0)
    amqp_durable_queues: bool = opt(False, "Whether queues outlive the broker's restart.")
    amqp_auto_delete: bool = opt(False, "Whether queues go when nobody listens.")
    use_queue_manager: bool = opt(False, "Whether reply queues have the same names after a restart.")
    rabbit_stream_fanout: bool = opt(False, "Whether fan-out queues are streams.")
    heartbeat_timeout_threshold: int = opt(
        60, "Seconds of silence after which a broker counts as gone.", min=0
    )
    heartbeat_rate: int = opt(3, "How often in that time the broker is asked for a sign of life.", min=1)
    heartbeat_in_pthread: bool = opt(False, "Accepted and unused: all threads are native ones.")
    kombu_reconnect_delay: float = opt(1.0, "Seconds before connecting anew after a broker went.", min=0)
    kombu_failover_strategy: str = opt(
        "round-robin", "Which broker is next.", choices=("round-robin", "shuffle")
    )
    rabbit_retry_interval: int = opt(1, "Seconds between the first tries to connect.", min=1)
    rabbit_retry_backoff: int = opt(2, "Seconds by which that grows.", min=0)
    rabbit_interval_max: int = opt(30, "Seconds to which that grows.", min=1)
    rpc_conn_pool_size: int = opt(30, "Connections of a process.", min=1)
    ssl: bool = opt(False, "Whether the broker is reached over TLS.")
    ssl_version: str = opt("", "The version of TLS; empty is the best that both know.")
    ssl_key_file: str = opt("", "The key of the client certificate, as a PEM file.")
    ssl_cert_file: str = opt("", "The client certificate, as a PEM file.")
    ssl_ca_file: str = opt("", "The certificate authorities to trust, as a PEM file.")


@dataclass(frozen=True, kw_only=True)
class OsloMessagingNotifications(Section):
    """Options of the section [oslo_messaging_notifications]."""

    driver: tuple[str, ...] = opt(
        (),
        "How notifications are sent: messagingv2, messaging, log or noop; none means not at all.",
        multi=True,
    )
    transport_url: str | None = opt(
        None, "The broker of notifications, RabbitMQ or Kafka; unset is [DEFAULT] transport_url.", secret=True
    )
    topics: tuple[str, ...] = opt(("notifications",), "Topics of unversioned notifications.")
    retry: int = opt(-1, "How often sending is tried again; -1 without end.", min=-1)


@dataclass(frozen=True, kw_only=True)
class OsloMessagingKafka(Section):
    """Options of the section [oslo_messaging_kafka]."""

    consumer_group: str = opt("oslo_messaging_consumer", "The group in which this service reads.")
    producer_batch_timeout: float = opt(
        0.0, "Seconds that messages are gathered before they are sent.", min=0
    )
    producer_batch_size: int = opt(16384, "Bytes that are sent together.", min=1)
    compression_codec: str = opt(
        "none", "How messages are compressed.", choices=("none", "gzip", "snappy", "lz4", "zstd")
    )
    security_protocol: str = opt(
        "PLAINTEXT",
        "How the broker is reached.",
        choices=("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"),
    )
    sasl_mechanism: str = opt("PLAIN", "How this service signs in.")
    ssl_cafile: str = opt("", "The certificate authorities to trust, as a PEM file.")
    ssl_client_cert_file: str = opt("", "The client certificate, as a PEM file.")
    ssl_client_key_file: str = opt("", "The key of the client certificate, as a PEM file.")
    ssl_client_key_password: str = opt("", "The password of that key.", secret=True)
