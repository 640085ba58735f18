"""No way to loosen a constant: by the environment, by arguments, by files, or by a person's commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from tests.risk.conftest import Floor
from tests.risk.gateway import Gateway
from tests.risk.link import BUY, Link
from tests.risk.simulated import Simulated, price

pytestmark = pytest.mark.e2e

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


def test_no_variable_of_the_environment_changes_a_limit() -> None:
    program = runtime.program_path("riskd").read_bytes()
    found = {m.decode() for m in re.findall(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", program)}
    assert "RUST_BACKTRACE" in found, "the names that the program asks for are among its strings"
    guessed = {
        f"{p}{n.upper()}" for p in ("", "DNALYAW_", "RISK_", "RISKD_") for n in {**TIGHTENABLE, **FIXED}
    }
    guessed |= {
        "DNALYAW_LIMITS",
        "DNALYAW_TIGHTER",
        "DNALYAW_HOME",
        "RISK_LIMITS",
        "RISKD_CONFIG",
        "LOOSEN",
        "DEBUG",
    }
    # Those of the loader decide which program runs at all.
    names = sorted(n for n in found | guessed if len(n) < 60 and not n.startswith("LD_"))
    for value in ("999999999", '{"instrument_bp": 9999}'):
        env = {**os.environ, **dict.fromkeys(names, value)}
        assert _limits(env=env) == _limits()


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
