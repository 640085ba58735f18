"""No way to loosen a constant: by the environment, by arguments, by files, or by a person's commands."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from tests.risk.conftest import Floor
from tests.risk.gateway import Gateway
from tests.risk.link import BUY, Link
from tests.risk.simulated import NAMES, Simulated, price
from tests.risk.worked import below, equity, most_by_instrument, reserve

pytestmark = pytest.mark.e2e

REDUCE, REJECT = 2, 3
INSTRUMENT_LIMIT, TRADE_RISK = 1, 4

TIGHTENABLE = {
    "instrument_bp": 500,
    "sector_bp": 2_500,
    "drawdown_bp": 500,
    "trade_risk_bp": 100,
    "gross_bp": 20_000,
    "net_bp": 10_000,
    "participation_bp": 1_000,
    "order_quantity": 10_000_000,
    "order_notional_micro": 500_000_000 * 1_000_000,
    "message_rate": 20_000,
}
FIXED = {
    "repeat_limit": 3,
    "collar_bp": 500,
    "wide_collar_bp": 2_000,
    "fee_margin_bp": 50,
    "short_margin_bp": 5_000,
    "gap_sigmas": 5,
    "max_price_age_ns": 15 * 60 * 10**9,
    "max_mark_age_ns": 30 * 60 * 10**9,
    "price_jump_bp": 2_000,
    "close_slice_bp": 100,
    "max_working_orders": 131_072,
    "max_legs": 16,
}
"""Both as `docs/risk-engine.md` states them."""


def _run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    binary = str(runtime.program_path("riskd"))
    return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=60, env=env)


def _limits(*arguments: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = _run("--limits", *arguments, env=env)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def _refused(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), (
        done.stdout,
        done.stderr,
    )


def test_the_program_states_the_constants_of_the_specification() -> None:
    limits = _limits()
    stated = limits["constants"]
    assert {name: stated[name] for name in {**TIGHTENABLE, **FIXED}} == {**TIGHTENABLE, **FIXED}
    assert limits["deployment"] == TIGHTENABLE


def _variables() -> list[str]:
    """Names that riskd may be asked to obey: those among its own strings, and every constant's in many forms."""
    program = runtime.program_path("riskd").read_bytes()
    found = {m.decode() for m in re.findall(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", program)}
    assert "RUST_BACKTRACE" in found, "the names that the program asks for are among its strings"
    constants = {**TIGHTENABLE, **FIXED}
    guessed = {f"{p}{n.upper()}" for p in ("", "DNALYAW_", "RISK_", "RISKD_") for n in constants}
    guessed |= {f"{p}{n.upper().removesuffix('_BP')}_LIMIT_BP" for p in ("", "DNALYAW_") for n in constants}
    guessed |= {
        "DNALYAW_LIMITS",
        "DNALYAW_TIGHTER",
        "DNALYAW_HOME",
        "RISK_LIMITS",
        "RISKD_CONFIG",
        "LOOSEN",
        "DEBUG",
    }
    guessed |= {name.lower() for name in guessed}
    # Those of the loader decide which program runs at all.
    return sorted(n for n in found | guessed if len(n) < 60 and not n.startswith("LD_"))


def test_no_variable_of_the_environment_changes_a_limit() -> None:
    for value in ("999999999", '{"instrument_bp": 9999}'):
        env = {**os.environ, **dict.fromkeys(_variables(), value)}
        assert _limits(env=env) == _limits()


def test_a_riskd_that_serves_in_a_hostile_environment_cuts_to_five_per_cent(root: Path) -> None:
    # Large enough for a thread's stack, too, which one of them sets.
    hostile = dict.fromkeys(_variables(), "100000000")
    assert {"INSTRUMENT_BP", "instrument_bp", "DNALYAW_INSTRUMENT_LIMIT_BP"} <= set(hostile)
    venue = Simulated(root / "us", speed=1)
    gateway = Gateway(root / "us" / "gate", Simulated.reference())
    gateway.address = venue.layout.venue_address
    try:
        venue.start_clock()
        gateway.start(env={**os.environ, **hostile})
        environment = Path(f"/proc/{gateway.process.pid}/environ").read_bytes() if gateway.process else b""
        assert b"\0INSTRUMENT_BP=100000000\0" in b"\0" + environment, "riskd has them"
        link = gateway.link()
        link.wait_open(prices=len(NAMES))
        most = most_by_instrument(link, 104)
        told = link.order(1, 104, BUY, 5_000_000, below(104))
        assert (told["decision"], told["reason"], told["approved_qty"]) == (REDUCE, INSTRUMENT_LIMIT, most)
        # No stop: all of it is at risk, of which one per cent of equity may be.
        told = link.order(2, 105, BUY, 5_000_000, below(105), stop_distance=0)
        least = equity(link) * 100 // 10_000 // reserve(link, 105)
        assert (told["decision"], told["reason"], told["approved_qty"]) == (REDUCE, TRADE_RISK, least)
        # Beyond the collar of five per cent.
        told = link.order(3, 106, BUY, 1, round(price(106) * 1.06, 2))
        assert (told["decision"], told["approved_qty"]) == (REJECT, 0)
    finally:
        gateway.stop()
        venue.stop()


@pytest.mark.parametrize("name", [*TIGHTENABLE, *FIXED])
def test_no_argument_names_a_limit(name: str) -> None:
    dashed = name.replace("_", "-")
    for arguments in (
        [f"--{name}", "9999"], [f"--{name}=9999"], [f"--{dashed}", "9999"], [f"--{dashed}=9999"],
        ["--set", f"{name}=9999"], [f"{name}=9999"], ["--limits", f"--{name}=9999"], ["--limits", f"{name}=9999"],
    ):  # fmt: skip
        _refused(_run(*arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "x"], ["--looser", "x"], ["--loosen"], ["--no-limits"], ["--unsafe"], ["--limits=x"], ["--limits", "x"],
        ["--force"], ["--test"], ["--tighter"], ["--tighter", "a", "--tighter", "b"], ["--limits", "--tighter=/dev/null"],
    ],
)  # fmt: skip
def test_no_other_argument_is_taken(arguments: list[str]) -> None:
    _refused(_run(*arguments))


def _looser(name: str, constant: int) -> list[str]:
    """Files that would loosen one limit, or that say something about it which is no whole number."""
    values = [constant + 1, constant * 10, 2**31, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**64, -1, -(2**63)]
    texts = [f'{{"{name}": {value}}}' for value in values if not 0 < value <= constant]
    raws = [f"{constant}.0", "1e2", f"{constant}.5", f'"{constant}"', "[1]", "{}", "true", "NaN", "Infinity"]
    raws += [f"0x{constant:x}", f"+{constant}", f"0{constant}"]
    texts += [f'{{"{name}": {raw}}}' for raw in raws]
    texts += [
        f'{{"{name}": 1, "{name}": {constant * 10}}}',
        f'{{"{name}": {constant * 10}, "{name}": 1}}',
        f'{{"{name}": 1, "{name}": 1}}',
        f'{{"{name.upper()}": {constant * 10}}}',
        f'{{"{name.replace("_", "-")}": {constant * 10}}}',
        f'{{" {name}": {constant * 10}}}',
        f'{{"{name}\\u0000": {constant * 10}}}',
        f'{{"limits": {{"{name}": {constant * 10}}}}}',
        f'[{{"{name}": {constant * 10}}}]',
        f'{{"{name}": {constant}}} {{"{name}": {constant * 10}}}',
        f'\ufeff{{"{name}": {constant}}}',
    ]
    return texts


@pytest.mark.parametrize(("name", "constant"), TIGHTENABLE.items())
def test_a_file_can_only_tighten(tmp_path: Path, name: str, constant: int) -> None:
    file = tmp_path / "tighter.json"
    for text in _looser(name, constant):
        file.write_text(text)
        done = _run("--limits", "--tighter", str(file))
        _refused(done)
        assert str(file) in done.stderr, (text, done.stderr)
    # An escape in a name is the name: what it says is judged like any other.
    file.write_text(json.dumps({name: constant + 1}).replace(name[0], f"\\u{ord(name[0]):04x}", 1))
    _refused(_run("--limits", "--tighter", str(file)))
    plain = _limits()
    for tighter in (constant, constant - 1, 1):
        file.write_text(json.dumps({name: tighter}))
        limits = _limits("--tighter", str(file))
        assert limits["constants"] == plain["constants"]
        assert limits["deployment"] == {**TIGHTENABLE, name: tighter}
        assert (limits["hash"] == plain["hash"]) == (tighter == constant)


@pytest.mark.parametrize("name", FIXED)
def test_a_file_cannot_name_what_is_fixed(tmp_path: Path, name: str) -> None:
    file = tmp_path / "tighter.json"
    for value in (1, FIXED[name], FIXED[name] * 10):
        file.write_text(json.dumps({name: value}))
        _refused(_run("--limits", "--tighter", str(file)))


def _probe(link: Link, first: int) -> list[tuple[int, ...]]:
    """Decisions that lean on the limits, each order taken off again: what a loosened limit would show in."""
    asked = (
        (101, 10_000_000, price(101), 2_000_000),
        (105, 50_000, price(105), 0),
        (116, 10_000_001, price(116), 1),
        (110, 5_000, round(price(110) * 1.06, 2), 1_000_000),
        (102, 1_000_000, round(price(102) * 0.98, 2), 500_000),
    )
    told = []
    for number, (name, qty, limit, stop) in enumerate(asked, first):
        decision = link.order(number, name, BUY, qty, limit, stop_distance=stop)
        told.append(
            tuple(
                int(decision[k])
                for k in ("decision", "reason", "approved_qty", "limits_hash", "binding_limit")
            )
        )
        if decision["approved_qty"]:
            link.send("CANCEL", order_id=number, correlation="03" * 16)
            # Below the market all day, so that the account stays what it is.
            link.wait("EXEC", order_id=number, exec_type=4, cum_qty=0)
    return told


LIES = {
    **{name: value * 10 for name, value in TIGHTENABLE.items()},
    **{name: value * 10 for name, value in FIXED.items()},
    "limits": {name: value * 10 for name, value in TIGHTENABLE.items()},
    "constants": {name: value * 10 for name, value in TIGHTENABLE.items()},
    "equity": 10**18,
    "cash": 10**18,
}


def test_a_reference_file_that_says_more_is_refused(root: Path) -> None:
    plain = Simulated.reference()
    gateway = Gateway(root / "us")
    gateway.at(9)
    for name, lie in LIES.items():
        first, *others = plain["instruments"]
        for content in ({**plain, name: lie}, {**plain, "instruments": [{**first, name: lie}, *others]}):
            gateway.reference.write_text(json.dumps(content))
            said = gateway.refuses()
            assert str(gateway.reference) in said
            assert name in said


def _loosened(content: dict[str, Any]) -> dict[str, Any]:
    """The same names as somebody would like them: hardly moving, traded without end, a sector and an issuer each."""
    rows = [
        {
            **row,
            "volatility_bp": 1,
            "adv": 10**12,
            "locate": 10**9,
            "sector": f"s{row['instrument_id']}",
            "lot": 1_000,
            "issuer_id": 10_000 + row["instrument_id"],
        }
        for row in content["instruments"]
    ]
    return {**content, "instruments": rows}


def test_files_overwritten_under_a_riskd_that_serves_change_nothing(root: Path) -> None:
    # The quotes stand still, so that the same orders get the same numbers.
    venue = Simulated(root / "us", speed=1)
    gateway = Gateway(root / "us" / "gate", Simulated.reference())
    gateway.address = venue.layout.venue_address
    tighter = root / "tighter.json"
    tighter.write_text('{"instrument_bp": 400}')
    loosened = json.dumps(_loosened(Simulated.reference()))
    read = hashlib.sha256(gateway.reference.read_bytes()).hexdigest()
    try:
        venue.start_clock()
        assert gateway.start("--tighter", str(tighter))["reference_hash"] == read
        link = gateway.link()
        link.wait_open(prices=len(NAMES))
        welcome = next(f for f in link.frames if f["kind"] == "WELCOME")
        before = _probe(link, 1)
        assert {REDUCE, REJECT} <= {told[0] for told in before}, (
            "the limits bind, so that a looser one would show"
        )
        for number, (text, replaced) in enumerate([(loosened, False), (loosened, True), ("{}", False)], 1):
            for file, written in ((gateway.reference, text), (tighter, "{}")):
                target = file.with_suffix(".new") if replaced else file
                target.write_text(written)
                target.rename(file)
            # The same orders again would be repeated ones within a second.
            time.sleep(1.1)
            assert _probe(link, 100 * number) == before
            assert _ask(gateway.dir / "control.sock", {"cmd": "risk"})["reference_sha256"] == read
        link.close()
        again = gateway.link()
        told = next(f for f in again.frames if f["kind"] == "WELCOME")
        for name in ("reference_hash", "limits_hash"):
            assert told[name] == welcome[name]
        time.sleep(1.1)
        assert _probe(again, 900) == before
    finally:
        gateway.stop()
        venue.stop()


def test_no_command_of_a_person_changes_a_limit(floor: Floor) -> None:
    link = floor.connect()
    before = _probe(link, 1)
    control = floor.gateway.dir / "control.sock"
    refused = [
        {"cmd": "loosen", "reason": "x"},
        {"cmd": "limits", "reason": "x"},
        {"cmd": "set", "instrument_bp": 9999, "reason": "x"},
        {"cmd": "tighter", "file": "/tmp/x", "reason": "x"},
        *({"cmd": "resume", "scope": "all", "reason": "x", name: 9999} for name in TIGHTENABLE),
        *({"cmd": "status", name: 9999} for name in TIGHTENABLE),
        {"cmd": "flow", "amount_micro": 2**63, "reason": "x"},
        {"cmd": "flow", "amount_micro": 1.5, "reason": "x"},
    ]
    for command in refused:
        assert "error" in _ask(control, command), command
    # Money that is announced and does not come is no money; nothing is halted and nothing killed, so these change nothing.
    for command in (
        {"cmd": "flow", "amount_micro": 10**15, "reason": "said to be on its way"},
        {"cmd": "resume", "scope": "all", "reason": "x"},
        {"cmd": "rearm", "reason": "x"},
        {"cmd": "claim", "cl_ord_id": "US-1", "reason": "x"},
    ):
        _ask(control, command)
    assert _probe(link, 100) == before


def _ask(control: Path, command: dict[str, Any]) -> dict[str, Any]:
    import socket

    with socket.socket(socket.AF_UNIX) as dial:
        dial.settimeout(20)
        dial.connect(str(control))
        dial.sendall(json.dumps(command).encode() + b"\n")
        return dict(json.loads(dial.makefile().readline()))
