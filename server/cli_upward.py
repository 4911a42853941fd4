"""Commands about the server above: enrol this one there, exchange, and say what waits."""

import click

from server.command import answer_json, app_of, config_of, on_server, tell

__all__ = ["upward"]


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@answer_json
@on_server()
@click.pass_context
def upward(context: click.Context, as_json: bool) -> None:
    """Exchange with the server above this one (a province's), as a tablet does with this one: until nothing is left.

    Reports that were sent, consolidated figures and targets go up; the province's answers and targets come down. Nothing else ever
    crosses: no case, no identity, nothing confidential, no record's id behind a figure (shared/data/upward.yaml is the whole list).
    A running server does the same by itself every SEN_UPWARD_MINUTES.

    First, once: at the province `sen.py admin user add … --role district_server@UNIT --no-password` and `sen.py admin enrol-code`;
    here `sen.py server upward enrol ADDRESS CODE`.
    """
    if context.invoked_subcommand is not None:
        return
    from server.upward.courier import exchange

    with app_of(context).app_context():
        done = exchange()
    told = {"trips": done.trips, "sent": done.sent, "received": done.received, "unsent": done.unsent, "aside": done.aside}
    words = f"Đã gửi · sent: {done.sent}; đã nhận · received: {done.received}; chưa gửi · unsent: {done.unsent}"
    if done.aside:
        words += f"\nCấp trên để riêng · set aside up there: {done.aside} (sen.py server upward state)"
    if done.revoked:
        words += "\nCấp trên đã thu hồi máy chủ này · the server above revoked this one"
    tell(as_json, told | {"revoked": done.revoked}, words)


@upward.command()
@click.argument("address")
@click.argument("code")
@click.option("--anew", is_flag=True, help="give up a former enrolment: another province, or another server of it")
@answer_json
@on_server()
@click.pass_context
def enrol(context: click.Context, address: str, code: str, anew: bool, as_json: bool) -> None:
    """Enrol this server at ADDRESS (https://…) with a CODE that was made there. Its keys up there are kept in the key store."""
    from server.services import services
    from server.upward import link

    app = app_of(context)
    with app.app_context():
        made = link.enrol(services().keys, address, code, config_of(context).name, anew=anew)
    told = {"device": made.device, "unit": made.unit, "server": made.server_name}
    tell(as_json, told, f"Đã đăng ký · enrolled: {made.unit} → {made.server_name} ({made.address})")


@upward.command()
@answer_json
@on_server()
@click.pass_context
def state(context: click.Context, as_json: bool) -> None:
    """Say where this server is enrolled, what waits to be sent, and what was set aside up there and why."""
    from server.services import services
    from server.upward.link import read_link
    from server.upward.store import UpwardStore
    from shared.errors import SenError

    with app_of(context).app_context():
        held = services()
        link = read_link(held.keys)
        if link is None:
            raise SenError("upward_not_enrolled")
        store = UpwardStore(link, held.catalogue, held.clock.now_ms)
        waits, aside = store.unsent_count(), store.set_aside()
    words = [f"{link.unit} → {link.server_name} ({link.address})", f"Chưa gửi · unsent: {waits}"]
    words += [f"Để riêng · set aside: {record} ({SenError(code).text('vi')})" for record, code in aside]
    tell(as_json, {"unit": link.unit, "address": link.address, "unsent": waits, "aside": [list(one) for one in aside]}, "\n".join(words))
