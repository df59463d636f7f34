"""Labs from the command line: `python -m proving.lab create NAME --hosts 2`, and what else `--help` tells."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from proving.lab.command import Failed
from proving.lab.host import Host
from proving.lab.lab import create, destroy, labs, open_lab, sweep
from proving.lab.machine import Unable, check_machine
from proving.lab.plan import LabPlan, numbered_hosts

Arguments = argparse.Namespace


def main(words: Sequence[str] | None = None) -> int:
    """Do what is asked; return the exit code: 2 for what this machine or the words do not allow."""
    arguments = _parser().parse_args(words)
    verb: Callable[[Arguments], int | None] = arguments.verb
    try:
        return verb(arguments) or 0
    except (Unable, ValueError, LookupError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 2
    except (Failed, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _create(arguments: Arguments) -> None:
    count = arguments.hosts
    plan = LabPlan(
        hosts=numbered_hosts(int(count)) if count.isdigit() else tuple(count.split(",")),
        packages=_list(arguments.packages),
        links=_list(arguments.links),
        uplink=arguments.uplink,
        binds=tuple((there, here) for there, _, here in (one.partition(":") for one in arguments.bind)),
    )
    made = create(arguments.name, plan)
    for name, host in made.hosts.items():
        print(f"{name} {host.address}")
    print(f"ssh -F {made.folder / 'ssh_config'} {plan.hosts[0]}")


def _destroy(arguments: Arguments) -> None:
    destroy(arguments.name)


def _list_labs(_: Arguments) -> None:
    for one in labs():
        up = sum(host.running for host in one.hosts.values())
        owner = one.record.owner
        kept = (
            "stays" if owner is None else "abandoned" if one.record.abandoned else f"of process {owner.pid}"
        )
        print(f"{one.name} {one.network.block} {up}/{len(one.hosts)} hosts up, {kept}")


def _run(arguments: Arguments) -> int:
    host = _host(arguments)
    command = host.ssh("-t") if sys.stdin.isatty() else host.ssh()
    sys.stdout.flush()
    os.execvp(command[0], [*command, *arguments.command])  # noqa: S606


def _start(arguments: Arguments) -> None:
    open_lab(arguments.name).start()


def _stop(arguments: Arguments) -> None:
    for host in open_lab(arguments.name).hosts.values():
        host.stop()


def _ssh_config(arguments: Arguments) -> None:
    print((open_lab(arguments.name).folder / "ssh_config").read_text(), end="")


def _sweep(_: Arguments) -> None:
    for name in sweep():
        print(f"removed {name}")


def _check(_: Arguments) -> None:
    check_machine()
    print("this machine can have labs")


def _host(arguments: Arguments) -> Host:
    hosts = open_lab(arguments.name).hosts
    if arguments.host not in hosts:
        raise LookupError(f"lab {arguments.name} has no host {arguments.host}; it has {', '.join(hosts)}")
    return hosts[arguments.host]


def _list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proving.lab", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, call: Callable[[Arguments], int | None], told: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=told, description=told)
        made.set_defaults(verb=call)
        return made

    def named(name: str, call: Callable[[Arguments], int | None], told: str) -> argparse.ArgumentParser:
        made = verb(name, call, told)
        made.add_argument("name", help="of the lab")
        return made

    new = named("create", _create, "make a lab that stays until it is destroyed")
    new.add_argument("--hosts", default="1", metavar="N", help="how many, or their names with commas between")
    new.add_argument("--packages", default="", help="Debian packages that hosts have, with commas between")
    new.add_argument("--links", default="", help="more interfaces of each host, such as tun0,prov0")
    new.add_argument("--uplink", action="store_true", help="let hosts reach what the machine reaches")
    new.add_argument(
        "--bind", action="append", default=[], metavar="FOLDER:HERE", help="seen by hosts, read-only"
    )
    named("destroy", _destroy, "remove a lab with all that it left")
    verb("list", _list_labs, "show all labs")
    at = named("run", _run, "run a command on a host, or a shell")
    at.add_argument("host")
    at.add_argument("command", nargs=argparse.REMAINDER)
    named("start", _start, "start the hosts of a lab that do not run")
    named("stop", _stop, "switch off the hosts of a lab")
    named("ssh-config", _ssh_config, "print what ssh must know of a lab's hosts")
    verb("sweep", _sweep, "remove labs whose process was killed")
    verb("check", _check, "tell whether this machine can have labs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
