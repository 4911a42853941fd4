"""Commands about people and tablets: users, their roles, enrolment codes, devices."""

import sys
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.audit import note
from server.command import answer_json, app_of, on_server, tell
from server.db import reading, transaction
from server.enrolment import make_code, revoke
from server.keystore import KeyStore
from server.known_people import settle_people
from server.people import Device, User, add_user, disable_user, end_role, give_role, set_password, user_by_login
from server.services import services
from shared.errors import SenError

BY_COMMAND = ""
"""Who stands in the audit for what was done at the server's own command line."""

__all__ = ["device", "enrol_code", "user"]


def _known(session: Session, login: str) -> User:
    person = user_by_login(session, login)
    if person is None:
        raise SenError("unknown_login")
    return person


def _password(from_stdin: bool) -> str:
    """Read a password: a line of standard input, or typed twice unseen."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt("Mật khẩu · Password", hide_input=True, confirmation_prompt=True)
    return typed


def _roles(told: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [one.partition("@") for one in told]
    if not all(role and unit for role, _, unit in pairs):
        raise click.BadParameter("ROLE@UNIT")
    return [(role, unit) for role, _, unit in pairs]


@click.group()
def user() -> None:
    """People who may sign in."""


@user.command("add")
@click.argument("login")
@click.option("--name", required=True, help="the person's name")
@click.option("--role", "roles", multiple=True, metavar="ROLE@UNIT", help="a role in a unit; may be given several times")
@click.option("--password-stdin", is_flag=True, help="read the password from standard input")
@click.option("--no-password", is_flag=True, help="no console: a tablet only")
@click.option("--demo", is_flag=True, help="mark as «dữ liệu mẫu»: an invented person")
@answer_json
@on_server()
@click.pass_context
def add(
    context: click.Context, login: str, name: str, roles: tuple[str, ...], password_stdin: bool, no_password: bool, demo: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Add a person with LOGIN."""
    wanted = _roles(roles)
    password = None if no_password else _password(password_stdin)
    app = app_of(context)
    with app.app_context():
        held = services()

        def work(session: Session) -> User:
            now_ms = held.clock.now_ms()
            person = add_user(session, login=login, name=name, password=password, now_ms=now_ms, demo=demo)
            for role, unit in wanted:
                give_role(session, held.catalogue, person, role, unit)
            note(session, user=BY_COMMAND, action="user_add", subject=person.id, at_ms=now_ms)
            return person

        person = transaction(work)
        settle_people()
    tell(as_json, {"user": person.id, "login": person.login}, f"{person.login} ({person.id}) {person.name}")


@user.command("list")
@answer_json
@on_server()
@click.pass_context
def list_users(context: click.Context, as_json: bool) -> None:
    """List people with their roles."""
    app = app_of(context)
    with app.app_context(), reading() as connection, Session(connection) as session:
        today = services().clock.today()
        people = session.scalars(select(User).order_by(User.login)).all()
        rows: list[dict[str, Any]] = [
            {"user": one.id, "login": one.login, "name": one.name, "active": one.is_active,
             "roles": [f"{role.role}@{role.unit}" for role in one.roles_on(today)]}
            for one in people
        ]  # fmt: skip
    lines = [f"{row['login']:<24}{row['name']:<30}{', '.join(row['roles'])}{'' if row['active'] else '  (–)'}" for row in rows]
    tell(as_json, {"users": rows}, "\n".join(lines))


@user.command("password")
@click.argument("login")
@click.option("--password-stdin", is_flag=True, help="read the password from standard input")
@on_server()
@click.pass_context
def password(context: click.Context, login: str, password_stdin: bool) -> None:
    """Set the password of LOGIN; the person's sessions end."""
    typed = _password(password_stdin)

    def work(session: Session) -> None:
        person = _known(session, login)
        set_password(session, person, typed)
        note(session, user=BY_COMMAND, action="password", subject=person.id, at_ms=services().clock.now_ms())

    with app_of(context).app_context():
        transaction(work)
        settle_people()
    click.echo("Đã đổi · changed")


@user.command("role")
@click.argument("login")
@click.argument("roles", nargs=-1, required=True, metavar="ROLE@UNIT...")
@click.option("--end", is_flag=True, help="end the role instead of giving it")
@on_server()
@click.pass_context
def role(context: click.Context, login: str, roles: tuple[str, ...], end: bool) -> None:
    """Give LOGIN a role in a unit, or end it."""
    wanted = _roles(roles)
    with app_of(context).app_context():
        held = services()

        def work(session: Session) -> None:
            person, now_ms = _known(session, login), held.clock.now_ms()
            for code, unit in wanted:
                if end:
                    for one in person.roles_on(held.clock.today()):
                        if (one.role, one.unit) == (code, unit):
                            end_role(session, held.keys, person, one, now_ms)
                else:
                    give_role(session, held.catalogue, person, code, unit)
                action = "role_end" if end else "role"
                note(session, user=BY_COMMAND, action=action, subject=person.id, at_ms=now_ms, fields=(f"{code}@{unit}",))

        transaction(work)
        settle_people()
    click.echo("Đã ghi · done")


@user.command("disable")
@click.argument("login")
@on_server()
@click.pass_context
def disable(context: click.Context, login: str) -> None:
    """Let LOGIN sign in no more; sessions end, records and history stay."""
    with app_of(context).app_context():
        held = services()

        def work(session: Session) -> None:
            person, now_ms = _known(session, login), held.clock.now_ms()
            disable_user(session, held.keys, person, now_ms)
            note(session, user=BY_COMMAND, action="user_disable", subject=person.id, at_ms=now_ms)

        transaction(work)
        settle_people()
    click.echo("Đã ghi · done")


@click.command("enrol-code")
@click.argument("login")
@click.option("--unit", required=True, help="code of the unit whose tablet it is")
@answer_json
@on_server()
@click.pass_context
def enrol_code(context: click.Context, login: str, unit: str, as_json: bool) -> None:
    """Make a one-time code with which LOGIN enrols a tablet; it is shown this once."""
    with app_of(context).app_context():
        held = services()

        def work(session: Session) -> str:
            person = _known(session, login)
            return make_code(
                session, held.catalogue, user=person, unit=unit, made_by=None, now_ms=held.clock.now_ms(), hours=held.config.code_hours
            )

        code = transaction(work)
        hours = held.config.code_hours
    tell(as_json, {"code": code, "hours": hours}, f"{code}  (dùng một lần, trong {hours} giờ · once, within {hours} hours)")


@click.group()
def device() -> None:
    """Tablets."""


@device.command("list")
@answer_json
@on_server()
@click.pass_context
def list_devices(context: click.Context, as_json: bool) -> None:
    """List tablets: whose, where, when last heard of."""
    with app_of(context).app_context(), reading() as connection, Session(connection) as session:
        rows: list[dict[str, Any]] = [
            {"device": one.id, "name": one.name, "user": one.user, "unit": one.unit, "seen_ms": one.seen_ms, "revoked_ms": one.revoked_ms}
            for one in session.scalars(select(Device).order_by(Device.enrolled_ms))
        ]
    ended = {True: "", False: "  (thu hồi · revoked)"}
    lines = [f"{row['device']}  {row['unit']:<20}{row['name']}{ended[row['revoked_ms'] is None]}" for row in rows]
    tell(as_json, {"devices": rows}, "\n".join(lines))


@device.command("revoke")
@click.argument("id")
@on_server()
@click.pass_context
def revoke_device(context: click.Context, id: str) -> None:
    """Revoke the tablet ID: it gets nothing more and wipes itself at its next contact."""
    with app_of(context).app_context():
        held = services()
        keys: KeyStore = held.keys

        def work(session: Session) -> None:
            found = session.get(Device, id)
            if found is None:
                raise SenError("unknown_device")
            revoke(session, keys, found, by=BY_COMMAND, now_ms=held.clock.now_ms())

        transaction(work)
    click.echo("Đã thu hồi · revoked")
