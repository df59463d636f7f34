"""The command line that deploys a site: runs playbooks, tells what happens as it happens, and sums up."""
