//! The command line.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::control::{self, Call, Scope};
use crate::journal;

/// What happens when omsd's line is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkLoss {
    /// No new risk until the line is back.
    #[default]
    ReduceOnly,
    /// As that, and every working order is cancelled.
    Cancel,
    /// The kill switch is thrown.
    Flatten,
}

impl LinkLoss {
    /// As the command line says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReduceOnly => "reduce-only",
            Self::Cancel => "cancel",
            Self::Flatten => "flatten",
        }
    }
}

/// What riskd was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub dir: PathBuf,
    pub socket: PathBuf,
    pub control: PathBuf,
    pub reference: PathBuf,
    pub venue_addr_file: PathBuf,
    /// A file of limits tighter than the constants, if the deployment has one.
    pub tighter: Option<PathBuf>,
    /// Bytes of a journal segment.
    pub journal_segment: usize,
    pub on_link_loss: LinkLoss,
    /// Silence of omsd that counts as a lost line.
    pub link_timeout: Duration,
    /// Ask the venue to cancel what works when riskd's connection ends.
    pub cancel_on_disconnect: bool,
    /// The user that omsd runs as; then riskd serves live and checks that it may.
    pub live: Option<String>,
    /// A local address that Prometheus may scrape.
    pub metrics: Option<String>,
}

/// The second wire: what a riskd that died has left behind is cancelled and closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlattenOptions {
    pub dir: PathBuf,
    pub control: PathBuf,
    pub reference: PathBuf,
    pub venue_addr_file: PathBuf,
    pub tighter: Option<PathBuf>,
    pub reason: String,
    /// How long it tries.
    pub patience: Duration,
}

/// A command line that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve.
    Serve(Options),
    /// Flatten the account of a riskd that is dead, and stop.
    Flatten(FlattenOptions),
    /// Print the limits as JSON and stop.
    Limits { tighter: Option<PathBuf> },
    /// Give one command to a riskd that runs.
    Call(Call),
    /// Check the journal of this directory from its first record on, and say what it holds.
    Verify { dir: PathBuf },
    /// Print how to call riskd and stop.
    Help,
}

pub const USAGE: &str = "usage: riskd --dir DIR --socket PATH --reference FILE --venue-addr-file FILE [--control PATH] [--tighter FILE] [--on-link-loss reduce-only|cancel|flatten] [--link-timeout-ms N] [--journal-segment-kib N] [--metrics ADDRESS:PORT] [--cancel-on-disconnect] [--live --oms-user NAME] | riskd --flatten --dir DIR --reference FILE --venue-addr-file FILE --reason TEXT [--tighter FILE] [--patience-s N] | riskd --limits [--tighter FILE] | riskd --verify --dir DIR | riskd status|risk|stress|kill|rearm|halt|resume|flow|claim --dir DIR ...";

/// The control socket where none is named.
const CONTROL: &str = "control.sock";
const LINK_TIMEOUT_MS: u64 = 3000;
const PATIENCE_S: u64 = 120;
const SEGMENT_KIB: u64 = (journal::SEGMENT / 1024) as u64;

/// Reads the arguments after the program's name.
///
/// # Errors
/// One line naming the option that is unknown, repeated, missing or without its value.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let words: Vec<String> = args.into_iter().collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        return Ok(Command::Help);
    }
    match words.first().map(String::as_str) {
        Some(verb) if !verb.starts_with('-') => parse_call(verb, &words[1..]).map(Command::Call),
        _ => parse_serve(words),
    }
}

fn parse_serve(words: Vec<String>) -> Result<Command, String> {
    const VALUED: [&str; 13] = [
        "--dir",
        "--socket",
        "--reference",
        "--venue-addr-file",
        "--control",
        "--tighter",
        "--on-link-loss",
        "--link-timeout-ms",
        "--oms-user",
        "--reason",
        "--patience-s",
        "--journal-segment-kib",
        "--metrics",
    ];
    const FLAGS: [&str; 5] = [
        "--limits",
        "--verify",
        "--cancel-on-disconnect",
        "--live",
        "--flatten",
    ];
    let mut given = Arguments::read(words, &VALUED, &FLAGS, USAGE)?;
    let tighter = given.take("--tighter").map(PathBuf::from);
    if given.flag("--limits") {
        return Ok(Command::Limits { tighter });
    }
    let dir = PathBuf::from(given.need("--dir", USAGE)?);
    if given.flag("--verify") {
        return Ok(Command::Verify { dir });
    }
    if given.flag("--flatten") {
        return Ok(Command::Flatten(FlattenOptions {
            control: dir.join(CONTROL),
            reference: given.need("--reference", USAGE)?.into(),
            venue_addr_file: given.need("--venue-addr-file", USAGE)?.into(),
            tighter,
            reason: given.need("--reason", USAGE)?,
            patience: Duration::from_secs(whole(
                "--patience-s",
                given.take("--patience-s"),
                1..=86_400,
                PATIENCE_S,
            )?),
            dir,
        }));
    }
    for name in ["--reason", "--patience-s"] {
        if given.take(name).is_some() {
            return Err(format!("{name} is for --flatten; {USAGE}"));
        }
    }
    let live = match (given.flag("--live"), given.take("--oms-user")) {
        (true, Some(name)) => Some(name),
        (false, None) => None,
        (true, None) => return Err(format!("--live needs --oms-user; {USAGE}")),
        (false, Some(_)) => return Err(format!("--oms-user is for --live; {USAGE}")),
    };
    Ok(Command::Serve(Options {
        socket: given.need("--socket", USAGE)?.into(),
        control: given
            .take("--control")
            .map_or_else(|| dir.join(CONTROL), PathBuf::from),
        reference: given.need("--reference", USAGE)?.into(),
        venue_addr_file: given.need("--venue-addr-file", USAGE)?.into(),
        tighter,
        journal_segment: 1024
            * whole(
                "--journal-segment-kib",
                given.take("--journal-segment-kib"),
                64..=1 << 20,
                SEGMENT_KIB,
            )? as usize,
        on_link_loss: match given.take("--on-link-loss").as_deref() {
            None | Some("reduce-only") => LinkLoss::ReduceOnly,
            Some("cancel") => LinkLoss::Cancel,
            Some("flatten") => LinkLoss::Flatten,
            Some(other) => {
                return Err(format!(
                    "--on-link-loss '{other}' is none of reduce-only, cancel, flatten; {USAGE}"
                ));
            }
        },
        // Below a second every pause of omsd's garbage collector would count; beyond a minute it is no watch.
        link_timeout: Duration::from_millis(whole(
            "--link-timeout-ms",
            given.take("--link-timeout-ms"),
            1_000..=60_000,
            LINK_TIMEOUT_MS,
        )?),
        // What is real asks for it always.
        cancel_on_disconnect: given.flag("--cancel-on-disconnect") || live.is_some(),
        live,
        metrics: given.take("--metrics"),
        dir,
    }))
}

fn whole(
    name: &str,
    value: Option<String>,
    range: RangeInclusive<u64>,
    otherwise: u64,
) -> Result<u64, String> {
    let Some(value) = value else {
        return Ok(otherwise);
    };
    value
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (low, high) = (range.start(), range.end());
            format!("{name} '{value}' is not {low} to {high}; {USAGE}")
        })
}

const CALL_USAGE: &str = "usage: riskd status|risk|stress --dir DIR | riskd kill|rearm --dir DIR --reason TEXT | riskd halt|resume --dir DIR (--all | --strategy NAME | --instrument ID | --venue NAME | --shadow) --reason TEXT | riskd flow --dir DIR --amount-micro N --reason TEXT | riskd claim --dir DIR --cl-ord-id ID --reason TEXT; --control PATH names another socket than DIR/control.sock";

fn parse_call(verb: &str, words: &[String]) -> Result<Call, String> {
    let (valued, flags): (&[&str], &[&str]) = match verb {
        "status" | "risk" | "stress" => (&[], &[]),
        "kill" | "rearm" => (&["--reason"], &[]),
        "halt" | "resume" => (
            &["--reason", "--strategy", "--instrument", "--venue"],
            &["--all", "--shadow"],
        ),
        "flow" => (&["--reason", "--amount-micro"], &[]),
        "claim" => (&["--reason", "--cl-ord-id"], &[]),
        _ => return Err(format!("unknown command '{verb}'; {CALL_USAGE}")),
    };
    let valued = [&["--dir", "--control"], valued].concat();
    let mut given = Arguments::read(words.iter().cloned(), &valued, flags, CALL_USAGE)?;
    let socket = match (given.take("--control"), given.take("--dir")) {
        (Some(path), _) => path.into(),
        (None, Some(dir)) => PathBuf::from(dir).join(CONTROL),
        (None, None) => return Err(format!("--dir is missing; {CALL_USAGE}")),
    };
    let command = call_command(verb, &mut given)?;
    // The one place that knows what a good command is reads it back.
    let line = serde_json::to_string(&command).map_err(|err| err.to_string())?;
    control::Command::parse(&line).map_err(|err| format!("{err}; {CALL_USAGE}"))?;
    Ok(Call { socket, command })
}

fn call_command(verb: &str, given: &mut Arguments) -> Result<control::Command, String> {
    use control::Command as Control;
    match verb {
        "status" => return Ok(Control::Status {}),
        "risk" => return Ok(Control::Risk {}),
        "stress" => return Ok(Control::Stress {}),
        _ => {}
    }
    let reason = given.need("--reason", CALL_USAGE)?;
    Ok(match verb {
        "kill" => Control::Kill { reason },
        "rearm" => Control::Rearm { reason },
        "flow" => {
            let amount = given.need("--amount-micro", CALL_USAGE)?;
            Control::Flow {
                amount_micro: amount.parse().map_err(|_| {
                    format!("--amount-micro '{amount}' is not a whole number; {CALL_USAGE}")
                })?,
                reason,
            }
        }
        "claim" => Control::Claim {
            cl_ord_id: given.need("--cl-ord-id", CALL_USAGE)?,
            reason,
        },
        _ => {
            let (scope, name) = scope(given)?;
            if verb == "halt" {
                Control::Halt {
                    scope,
                    name,
                    reason,
                }
            } else {
                Control::Resume {
                    scope,
                    name,
                    reason,
                }
            }
        }
    })
}

fn scope(given: &mut Arguments) -> Result<(Scope, String), String> {
    let named = [
        ("--strategy", Scope::Strategy),
        ("--instrument", Scope::Instrument),
        ("--venue", Scope::Venue),
    ]
    .into_iter()
    .filter_map(|(option, scope)| given.take(option).map(|name| (scope, name)));
    let bare = [("--all", Scope::All), ("--shadow", Scope::Shadow)];
    let mut found: Vec<(Scope, String)> = named.collect();
    found.extend(
        bare.into_iter()
            .filter(|(option, _)| given.flag(option))
            .map(|(_, scope)| (scope, String::new())),
    );
    match <[_; 1]>::try_from(found) {
        Ok([one]) => Ok(one),
        Err(_) => Err(format!(
            "one of --all, --strategy, --instrument, --venue, --shadow; {CALL_USAGE}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_string).collect()
    }

    #[test]
    fn a_full_line_is_understood() {
        let parsed = parse(words(
            "--dir d --socket=s --reference r --venue-addr-file v --tighter t --control c --on-link-loss flatten --link-timeout-ms 1500",
        ));
        assert_eq!(
            parsed,
            Ok(Command::Serve(Options {
                dir: "d".into(),
                socket: "s".into(),
                control: "c".into(),
                reference: "r".into(),
                venue_addr_file: "v".into(),
                tighter: Some("t".into()),
                journal_segment: journal::SEGMENT,
                on_link_loss: LinkLoss::Flatten,
                link_timeout: Duration::from_millis(1500),
                cancel_on_disconnect: false,
                live: None,
                metrics: None,
            }))
        );
    }

    #[test]
    fn what_is_left_out_is_the_careful_choice() {
        let parsed = parse(words(
            "--dir d --socket s --reference r --venue-addr-file v",
        ));
        let Ok(Command::Serve(options)) = parse_ok(parsed) else {
            panic!("serves");
        };
        assert_eq!(options.control, PathBuf::from("d/control.sock"));
        assert_eq!(options.on_link_loss, LinkLoss::ReduceOnly);
        assert_eq!(options.link_timeout, Duration::from_millis(3000));
    }

    #[test]
    fn what_is_live_asks_for_cancel_on_disconnect() {
        let serve = "--dir d --socket s --reference r --venue-addr-file v --live --oms-user oms";
        let Ok(Command::Serve(options)) = parse(words(serve)) else {
            panic!("serves");
        };
        assert_eq!(options.live.as_deref(), Some("oms"));
        assert!(options.cancel_on_disconnect);
    }

    #[test]
    fn the_second_wire_needs_no_socket() {
        let line =
            "--flatten --dir d --reference r --venue-addr-file v --reason dead --patience-s 9";
        let Ok(Command::Flatten(options)) = parse(words(line)) else {
            panic!("flattens");
        };
        assert_eq!(options.control, PathBuf::from("d/control.sock"));
        let told = (options.reason.as_str(), options.patience.as_secs());
        assert_eq!(told, ("dead", 9));
    }

    fn parse_ok(parsed: Result<Command, String>) -> Result<Command, String> {
        assert!(parsed.is_ok(), "{parsed:?}");
        parsed
    }

    #[test]
    fn each_fault_names_its_option() {
        let serve = "--dir d --socket s --reference r --venue-addr-file v";
        for (line, named) in [
            ("--dri d".to_string(), "unknown option '--dri'"),
            ("--dir".into(), "--dir needs a value"),
            ("--dir --socket s".into(), "--dir needs a value"),
            ("--dir a --dir b".into(), "--dir is given twice"),
            ("--limits --limits".into(), "--limits is given twice"),
            (
                "--dir d --socket s --reference r".into(),
                "--venue-addr-file is missing",
            ),
            (
                format!("{serve} --on-link-loss nothing"),
                "--on-link-loss 'nothing'",
            ),
            (
                format!("{serve} --link-timeout-ms 10"),
                "--link-timeout-ms '10'",
            ),
            (format!("{serve} --live"), "--live needs --oms-user"),
            (
                format!("{serve} --oms-user oms"),
                "--oms-user is for --live",
            ),
            (format!("{serve} --reason x"), "--reason is for --flatten"),
            (
                "--flatten --dir d --reference r --venue-addr-file v".into(),
                "--reason is missing",
            ),
            ("loosen --dir d".into(), "unknown command 'loosen'"),
            ("kill --dir d".into(), "--reason is missing"),
            ("kill --reason x".into(), "--dir is missing"),
            (
                "rearm --dir d --reason x --limit 5".into(),
                "unknown option '--limit'",
            ),
            ("halt --dir d --reason x".into(), "one of --all"),
            (
                "halt --dir d --reason x --all --venue NYSE".into(),
                "one of --all",
            ),
            (
                "halt --dir d --reason x --shadow".into(),
                "only a difference",
            ),
            (
                "flow --dir d --reason x --amount-micro 1.5".into(),
                "--amount-micro '1.5'",
            ),
            ("claim --dir d --reason x".into(), "--cl-ord-id is missing"),
        ] {
            let err = parse(words(&line)).unwrap_err();
            assert!(err.starts_with(named), "{line}: {err}");
            assert!(!err.contains('\n'));
        }
    }

    #[test]
    fn limits_need_nothing_else() {
        assert_eq!(
            parse(words("--limits")),
            Ok(Command::Limits { tighter: None })
        );
    }

    #[test]
    fn a_call_goes_to_the_directorys_socket_or_the_named_one() {
        let parsed = parse(words("halt --dir d --strategy momentum --reason drift"));
        let expected = control::Command::Halt {
            scope: Scope::Strategy,
            name: "momentum".into(),
            reason: "drift".into(),
        };
        assert_eq!(
            parsed,
            Ok(Command::Call(Call {
                socket: "d/control.sock".into(),
                command: expected
            }))
        );
        let parsed = parse(words("status --control c"));
        let expected = control::Command::Status {};
        assert_eq!(
            parsed,
            Ok(Command::Call(Call {
                socket: "c".into(),
                command: expected
            }))
        );
    }
}
