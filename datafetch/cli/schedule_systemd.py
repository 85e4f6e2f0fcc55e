"""Timers and services of systemd that run the jobs at their times: all unit files in one text."""

import re
from collections.abc import Iterator

from datafetch.cli.schedule_plan import RUN_DUE, ZONE, Plan, TimedCommand

UNITS = "/etc/systemd/system"

_ABOVE = f"""\
# Made by: {{made_by}}
# Make them again after a change of an S3_..._CRON setting. Put each file in its place, and start
# the timers:
#
#   {{made_by}} |
#     sudo awk '/^# \\/etc\\/systemd\\/system\\// {{{{ file = $2 }}}} file {{{{ print > file }}}}'
#   sudo systemctl daemon-reload
#   sudo systemctl enable --now {{timers}}
#
# The times are those of {ZONE}, whatever the machine's zone. `systemctl list-timers`
# shows what comes next, `journalctl -u datafetch-bookmarks` what was said. A time that summer time
# leaves out is made good by run-due.
"""

_SERVICE = """\
[Unit]
Description=datafetch: {about}
Documentation=https://github.com/datafetch/datafetch
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={user}
WorkingDirectory={folder}
{variables}ExecStart={called}
# Another run of the job was under way, which is no failure.
SuccessExitStatus=75
# What it may do. It writes to these folders only; /tmp is not a private one, since runs that are
# started by hand and those of systemd find each other's locks there.
ReadWritePaths={writable}
ProtectSystem=strict
ProtectHome=read-only
NoNewPrivileges=yes
CapabilityBoundingSet=
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""

_TIMER = """\
[Unit]
Description=datafetch: when to {about}

[Timer]
{events}# What was missed while the machine was off is made good once.
Persistent=true

[Install]
WantedBy=timers.target
"""


def unit_files(plan: Plan) -> str:
    """All unit files of a plan, each below a line with its path, without a line end at the end."""
    timers = " ".join(f"datafetch-{command.name}.timer" for command in plan.timed)
    above = _ABOVE.format(made_by=plan.made_by, timers=timers)
    if plan.left_out:
        above += f"#\n{plan.left_out}"
    return "\n".join([above, *_files(plan)]).rstrip()


def _files(plan: Plan) -> Iterator[str]:
    for command in plan.timed:
        yield f"# {UNITS}/datafetch-{command.name}.service\n{_service(plan, command)}"
        yield f"# {UNITS}/datafetch-{command.name}.timer\n{_timer(command)}"


def _service(plan: Plan, command: TimedCommand) -> str:
    words = (
        str(plan.programs / "datafetch"),
        *command.arguments,
        *plan.global_options,
        *("--log-format", "console"),
    )
    variables = (f"{name}={value}" for name, value in plan.variables.items())
    return _SERVICE.format(
        about=command.about,
        user=plan.user,
        folder=str(plan.folder).replace("%", "%%"),
        variables="".join(f"Environment={unit_word(variable)}\n" for variable in variables),
        called=" ".join(unit_word(word).replace("$", "$$") for word in words),
        writable=" ".join(map(unit_word, _writable(plan))),
    )


def _writable(plan: Plan) -> list[str]:
    """The folders that runs write to; one with a dash before it need not be there."""
    return [str(plan.folder), "/tmp", *(f"-{folder}" for folder in plan.writable)]  # noqa: S108 - where locks live


def _timer(command: TimedCommand) -> str:
    # In a zone whose clock goes back systemd leaves out the second of two hours of one name.
    events = command.fields.calendar_events("UTC" if command.name == RUN_DUE else ZONE)
    return _TIMER.format(
        about=command.about, events="".join(f"OnCalendar={event}\n" for event in events)
    )


def unit_word(text: str) -> str:
    """A word as unit files have it (systemd.syntax(7), systemd.unit(5) "Specifiers")."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return escaped if re.fullmatch(r"[^\s\"';]+", text) else f'"{escaped}"'
