"""The server's command line: ``python -m server COMMAND`` (behind ``python3 sen.py server | admin | backup | restore``)."""

import sys
from pathlib import Path

import click

from server import cli_people, cli_upward
from server.command import answer_json, app_of, config_of, on_server, tell
from server.config import SETTINGS
from server.logbook import start_log
from server.places import Places
from shared.errors import SenError
from shared.yaml_source import CatalogueError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
OWN_NAMES = {"run": "server", "upward": "server upward", "backup": "backup", "restore": "restore"}
"""Command → what it is called behind sen.py, where it stands beside ``admin`` and not under it."""
COUNTED = {
    "line": "dòng thay đổi · lines of changes", "record": "bản ghi · records", "blob": "giá trị niêm phong · sealed values",
    "file": "ảnh và tệp · photos and files",
    "person": "người dùng · people", "device": "máy tính bảng · tablets", "audit": "lượt đọc đã ghi · readings in the audit trail",
}  # fmt: skip
"""Table that a backup counts → what its rows are called."""

__all__ = ["cli", "main"]


def main() -> None:
    """Run a command; an error that a person may meet is told in one sentence of each language, and the exit code is 1."""
    try:
        first, *rest = sys.argv[1:] or [""]
        if first == "run" and rest[:1] == ["upward"]:
            first, *rest = rest
        if first in OWN_NAMES:
            start_log()
            cli.commands[first].main(rest, prog_name=f"python3 sen.py {OWN_NAMES[first]}")
        cli(prog_name="python3 sen.py admin")
    except (SenError, CatalogueError) as error:
        if isinstance(error, SenError):
            click.echo(f"Sen: {error.text('vi')}\n     {error.text('en')}", err=True)
        else:
            click.echo(f"Sen: {error}", err=True)
        sys.exit(1)


@click.group(context_settings=CONTEXT)
@click.pass_context
def cli(context: click.Context) -> None:
    """The server of Sen: run it, give people access, back it up.

    Every setting may stand in the environment; `settings` lists them.
    """
    context.obj = {}
    start_log()


@cli.command(context_settings=CONTEXT)
@on_server(*SETTINGS)
@answer_json
@click.pass_context
def run(context: click.Context, as_json: bool) -> None:
    """Serve until Ctrl-C; tables are brought to this version first.

    `server upward` exchanges with the server above (a province's); `server upward -h` tells how to connect to it.
    """
    from server.process import serve

    config = config_of(context)
    start_log(config.log)

    def announce(address: str, port: int) -> None:
        tell(as_json, {"address": address, "port": port}, f"Sen: {address}  (Ctrl-C: dừng · stop)")
        sys.stdout.flush()

    serve(config, announce)


@cli.command()
@on_server()
@click.pass_context
def init(context: click.Context) -> None:
    """Make the database, the key store and the master key, or bring the tables to this version."""
    app_of(context)
    places = Places(config_of(context))
    click.echo(f"Cơ sở dữ liệu · database: {places.sqlite or 'PostgreSQL'}")
    click.echo(f"Kho khóa · key store: {places.keys}")
    click.echo(f"Khóa chính · master key: {places.master_key}  (cất riêng một bản · keep a copy apart)")


@cli.command()
def settings() -> None:
    """List every setting: its variable, its default, what it means."""
    for setting in SETTINGS.values():
        default = "" if setting.default is None else f" [{setting.default}]"
        click.echo(f"{setting.variable}{default}\n    {setting.help}")


@cli.command()
@on_server()
@click.pass_context
def roles(context: click.Context) -> None:
    """List the roles of the catalogue."""
    from shared.catalogue import load_catalogue

    for role in load_catalogue(config_of(context).catalogue).roles.values():
        click.echo(f"{role.code:<18}{role.label.vi} · {role.label.en}")


@cli.command(context_settings=CONTEXT)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--only-keys", is_flag=True, help="save the keys alone, where pg_dump saves the database")
@on_server()
@click.pass_context
def backup(context: click.Context, file: Path, only_keys: bool) -> None:
    """Save the database to FILE, and the keys to FILE.keys; both are opened again and checked."""
    from server.backup import KEYS_SUFFIX, back_up, back_up_keys
    from server.clock import Clock

    config = config_of(context)
    if only_keys:
        click.echo(f"Kho khóa · keys: {back_up_keys(Places(config), file)}")
        return
    manifest = back_up(Places(config), file, Clock(config.today))
    click.echo(f"Đã sao lưu · saved: {file} ({manifest.counts['line']} dòng · lines, {manifest.counts['record']} bản ghi · records)")
    click.echo(f"Kho khóa · keys: {file}{KEYS_SUFFIX}  (cất riêng, không cùng khóa chính · keep apart, not with the master key)")


@cli.command(context_settings=CONTEXT)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--yes", is_flag=True, help="go on without asking")
@click.option("--with-keys", is_flag=True, help="bring back the key store from FILE.keys too, on a machine that has none")
@on_server()
@click.pass_context
def restore(context: click.Context, file: Path, yes: bool, with_keys: bool) -> None:
    """Bring FILE back. Tells first what the present database has more; that one is set aside, not deleted."""
    from server import backup
    from server.clock import Clock
    from server.process import ready_app, server_lock
    from server.recovery import note_restored

    config = config_of(context)
    places = Places(config)
    with server_lock(places, "restore"):
        kept = backup.check(file)
        held = ", ".join(f"{kept.counts[table]} {COUNTED[table]}" for table in ("line", "record"))
        click.echo(f"Bản sao lưu · the backup: {kept.made}, {held}")
        lost = backup.would_lose(places, file)
        for table, count in lost.items():
            click.echo(f"Không có trong bản sao lưu · not in the backup: {count} {COUNTED[table]}")
        if not lost:
            click.echo("Bản hiện tại không có gì nhiều hơn · the present database has nothing more")
        if not yes and not (sys.stdin.isatty() and click.confirm("Phục hồi · Restore?")):
            raise SenError("backup_wanted")
        aside = backup.restore(places, file, Clock(config.today), keys=with_keys)
        note_restored(ready_app(config))
    click.echo(f"Đã phục hồi · restored: {file}")
    if aside is not None:
        click.echo(f"Bản trước đó · the former database: {aside}")


@cli.command(name="move-to", context_settings=CONTEXT)
@click.argument("url", metavar="postgresql://USER@HOST/DATABASE")
@on_server()
@click.pass_context
def move_to(context: click.Context, url: str) -> None:
    """Move the SQLite database to an empty PostgreSQL; the server must not be running. Tablets notice nothing."""
    from server.moving import move

    counts, aside = move(config_of(context), url)
    click.echo(f"Đã chuyển · moved: {', '.join(f'{counts[table]} {COUNTED[table]}' for table in COUNTED)}")
    click.echo(f"Bản SQLite trước đó · the former SQLite file: {aside}")
    click.echo("Từ nay · from now on: SEN_DATABASE=postgresql://…")


@cli.command()
@on_server()
@click.pass_context
def verify(context: click.Context) -> None:
    """Check the database: its tables, the chain of the audit, the chains of the logs and streams."""
    from server.verify import verify as check_all

    app = app_of(context)
    with app.app_context():
        faults, counts = check_all()
    for what, count in counts.items():
        click.echo(f"{what}: {count}")
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        sys.exit(1)
    click.echo("Nguyên vẹn · whole")


@cli.command(hidden=True)
@click.argument("message")
@click.option("--revision", help="the new revision's name")
@on_server()
@click.pass_context
def migration(context: click.Context, message: str, revision: str | None) -> None:
    """Write the migration from the database to the tables in the code (for who changes them)."""
    import flask_migrate

    from server.app import create_app
    from server.schema import MIGRATIONS

    with create_app(config_of(context)).app_context():
        flask_migrate.migrate(directory=str(MIGRATIONS), message=message, rev_id=revision)


cli.add_command(cli_people.user)
cli.add_command(cli_people.enrol_code)
cli.add_command(cli_people.device)
cli.add_command(cli_upward.upward)
