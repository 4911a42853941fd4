"""People: users, their roles in units, their devices, enrolment codes and granted needs. Tables and the rules on them.

Nothing is deleted: a role, a device or a grant ends at a time and stays readable. Whenever what a person may do changes,
the person's stamp changes, which ends all sessions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_login import UserMixin
from sqlalchemy import BigInteger, Date, ForeignKey, LargeBinary, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from server.db import db, transaction
from server.keystore import KeyStore
from server.passwords import check_password, hash_password, verify_password, wait_s
from shared.catalogue import Catalogue
from shared.errors import SenError
from shared.ids import new_id
from shared.text import clean, fold, name_key

LONGEST_NAME = 120
LONGEST_LOGIN = 40

__all__ = [
    "Attempt", "Device", "EnrolmentCode", "Grant", "RoleHeld", "User", "add_user", "disable_user", "end_role", "give_role",
    "names_of", "set_password", "sign_in", "user_by_login",
]  # fmt: skip


class User(UserMixin, db.Model):  # type: ignore[name-defined,misc]
    """A person with a login. ``stamp`` changes when rights or the password do; ``disabled_ms`` is null while it may sign in."""

    __tablename__ = "person"
    id: Mapped[str] = mapped_column(String(11), primary_key=True)
    login: Mapped[str] = mapped_column(String(LONGEST_LOGIN), unique=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    password: Mapped[str | None] = mapped_column(String(200))
    stamp: Mapped[str] = mapped_column(String(11))
    lang: Mapped[str] = mapped_column(String(2), default="vi")
    demo: Mapped[bool] = mapped_column(default=False)
    wrong: Mapped[int] = mapped_column(default=0)
    wait_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    disabled_ms: Mapped[int | None] = mapped_column(BigInteger)
    roles: Mapped[list["RoleHeld"]] = relationship(lazy="selectin", order_by="RoleHeld.id")

    def get_id(self) -> str:
        """What a session holds: the id and the stamp, so that a session ends with the stamp."""
        return f"{self.id}.{self.stamp}"

    @property
    def is_active(self) -> bool:
        """Whether the person may sign in at all."""
        return self.disabled_ms is None

    def roles_on(self, day: date) -> list["RoleHeld"]:
        """The roles held on a day."""
        return [role for role in self.roles if role.held_on(day)]


class RoleHeld(db.Model):  # type: ignore[name-defined,misc]
    """A role of a person in a unit, from a day to a day (null: open)."""

    __tablename__ = "role_held"
    id: Mapped[str] = mapped_column(String(11), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(String(40))
    unit: Mapped[str] = mapped_column(String(40))
    since: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    ended_ms: Mapped[int | None] = mapped_column(BigInteger)

    def held_on(self, day: date) -> bool:
        """Whether the role is held on a day."""
        begun = self.since is None or self.since <= day
        return begun and self.ended_ms is None and (self.until is None or day <= self.until)


class Device(db.Model):  # type: ignore[name-defined,misc]
    """An enrolled tablet: whose it is, its public keys (32 bytes each), when it was last heard of, and when it was revoked.

    ``unsent``: how many changes it still held when it was heard of; null where it did not say. ``wiped_ms``: when, having been
    revoked, it had handed in everything and was told to wipe itself. ``marks``: what is known of its being used in two places
    (``sync.copies``); null where it never went back and was never copied. ``copy_of``: the device of which it was a copy before it
    became one of its own.
    """

    __tablename__ = "device"
    id: Mapped[str] = mapped_column(String(11), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    unit: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    sign: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    box: Mapped[bytes] = mapped_column(LargeBinary(32))
    officer_box: Mapped[bytes] = mapped_column(LargeBinary(32))
    enrolled_ms: Mapped[int] = mapped_column(BigInteger)
    seen_ms: Mapped[int | None] = mapped_column(BigInteger)
    unsent: Mapped[int | None] = mapped_column(BigInteger)
    revoked_ms: Mapped[int | None] = mapped_column(BigInteger)
    revoked_by: Mapped[str | None] = mapped_column(String(11))
    wiped_ms: Mapped[int | None] = mapped_column(BigInteger)
    marks: Mapped[str | None] = mapped_column(Text)
    copy_of: Mapped[str | None] = mapped_column(String(11))


class EnrolmentCode(db.Model):  # type: ignore[name-defined,misc]
    """A one-time code, by its hash: for whom, where, until when, and the device that used it."""

    __tablename__ = "enrolment_code"
    hash: Mapped[str] = mapped_column(String(43), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("person.id"))
    unit: Mapped[str] = mapped_column(String(40))
    made_by: Mapped[str | None] = mapped_column(String(11))
    made_ms: Mapped[int] = mapped_column(BigInteger)
    expires_ms: Mapped[int] = mapped_column(BigInteger)
    used_ms: Mapped[int | None] = mapped_column(BigInteger)
    device: Mapped[str | None] = mapped_column(ForeignKey("device.id"))


class Grant(db.Model):  # type: ignore[name-defined,misc]
    """A need to read one case: asked by one person with a reason, granted by another, for some days."""

    __tablename__ = "granted_need"
    id: Mapped[str] = mapped_column(String(11), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    case: Mapped[str] = mapped_column("case_id", String(36), index=True)
    reason: Mapped[str] = mapped_column(Text)
    asked_ms: Mapped[int] = mapped_column(BigInteger)
    granted_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    granted_ms: Mapped[int | None] = mapped_column(BigInteger)
    since: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    ended_ms: Mapped[int | None] = mapped_column(BigInteger)

    def holds_on(self, day: date) -> bool:
        """Whether the need is granted on a day, by somebody else than its asker."""
        if self.granted_ms is None or self.ended_ms is not None or self.granted_by in (None, self.user):
            return False
        return self.since is not None and self.until is not None and self.since <= day <= self.until


# --- rules ---------------------------------------------------------------------------------------------------------


def add_user(
    session: Session, *, login: str, name: str, password: str | None, now_ms: int, demo: bool = False, lang: str = "vi"
) -> User:
    """Add a person. Raises SenError: ``login_taken``, ``bad_login``, ``bad_text`` or that of the password."""
    login = fold(clean(login)).strip()
    if not login or len(login) > LONGEST_LOGIN or not all(letter.isalnum() or letter in "._-" for letter in login):
        raise SenError("bad_login", limit=LONGEST_LOGIN)
    name = clean(name).strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise SenError("bad_text")
    if user_by_login(session, login) is not None:
        raise SenError("login_taken")
    if password is not None:
        check_password(password, login)
    hashed = None if password is None else hash_password(password)
    user = User(
        id=new_id(), login=login, name=name, password=hashed, stamp=new_id(), lang=lang, demo=demo, wrong=0, wait_until_ms=0,
        created_ms=now_ms,
    )  # fmt: skip
    session.add(user)
    session.flush()
    return user


def user_by_login(session: Session, login: str) -> User | None:
    """The person of a login, however its letters are written."""
    return session.scalar(select(User).where(User.login == fold(login).strip()))


def give_role(
    session: Session, catalogue: Catalogue, user: User, role: str, unit: str, *, since: date | None = None, until: date | None = None
) -> RoleHeld:
    """Give a person a role in a unit. Raises SenError("unknown_role") or ("unknown_unit")."""
    if role not in catalogue.roles:
        raise SenError("unknown_role")
    if unit not in catalogue.units:
        raise SenError("unknown_unit")
    held = RoleHeld(id=new_id(), user=user.id, role=role, unit=unit, since=since, until=until)
    user.roles.append(held)
    user.stamp = new_id()
    session.flush()
    return held


def end_role(session: Session, keys: KeyStore, user: User, role: RoleHeld, now_ms: int) -> None:
    """End a role now, and with it the person's sessions; it stays ended after a restore."""
    role.ended_ms = now_ms
    user.stamp = new_id()
    session.flush()
    keys.note_ended("role", role.id, now_ms)


def disable_user(session: Session, keys: KeyStore, user: User, now_ms: int) -> None:
    """Let a person sign in no more; sessions end at once, also after a restore."""
    user.disabled_ms, user.stamp = now_ms, new_id()
    session.flush()
    keys.note_ended("user", user.id, now_ms)


def set_password(session: Session, user: User, password: str) -> None:
    """Set a new password; ends the person's sessions. Raises SenError."""
    check_password(password, user.login)
    user.password, user.stamp, user.wrong, user.wait_until_ms = hash_password(password), new_id(), 0, 0
    session.flush()


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How a try to sign in went: the person, or the code of what was wrong and the seconds to wait."""

    user: User | None
    code: str = ""
    wait_s: int = 0


def sign_in(login: str, password: str, now_ms: int) -> Attempt:
    """Try a password, in transactions of its own.

    A try is counted on disk before the password is looked at, so that many at once are many; from some number on one must
    wait before the next. The same work is done, and the same answer given, whether there is such a person or not.
    """

    def count(session: Session) -> tuple[User | None, int]:
        user = user_by_login(session, login)
        if user is None:
            return None, 0
        left_ms = user.wait_until_ms - now_ms
        if left_ms <= 0:
            user.wrong += 1
            user.wait_until_ms = now_ms + 1000 * wait_s(user.wrong)
        return user, max(0, left_ms)

    def forget(session: Session) -> User | None:
        user = None if known is None else session.get(User, known.id)
        if user is not None:
            user.wrong, user.wait_until_ms = 0, 0
        return user

    known, left_ms = transaction(count)
    if left_ms:
        return Attempt(user=None, code="sign_in_wait", wait_s=-(-left_ms // 1000))
    right = verify_password(known.password if known is not None and known.is_active else None, password)
    return Attempt(user=transaction(forget)) if right else Attempt(user=None, code="sign_in_wrong")


def names_of(session: Session, ids: Sequence[str] | None = None) -> dict[str, str]:
    """Id → name of people (all, where no ids are given), in the order of Vietnamese names."""
    query = select(User.id, User.name)
    rows = session.execute(query if ids is None else query.where(User.id.in_(ids))).all()
    return {row.id: row.name for row in sorted(rows, key=lambda row: name_key(row.name))}
