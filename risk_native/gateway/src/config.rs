//! The command line.

use std::path::PathBuf;

/// What riskd was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub dir: PathBuf,
    pub socket: PathBuf,
    pub reference: PathBuf,
    pub venue_addr_file: PathBuf,
    /// A file of limits tighter than the constants, if the deployment has one.
    pub tighter: Option<PathBuf>,
}

/// A command line that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve.
    Serve(Options),
    /// Print the limits as JSON and stop.
    Limits { tighter: Option<PathBuf> },
    /// Print how to call riskd and stop.
    Help,
}

pub const USAGE: &str = "usage: riskd --dir DIR --socket PATH --reference FILE --venue-addr-file FILE [--tighter FILE] | riskd --limits [--tighter FILE]";

/// Reads the arguments after the program's name.
///
/// # Errors
/// One line naming the option that is unknown, repeated, missing or without its value.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, String> {
    const NAMES: [&str; 5] = [
        "--dir",
        "--socket",
        "--reference",
        "--venue-addr-file",
        "--tighter",
    ];
    let mut values: [Option<PathBuf>; 5] = Default::default();
    let mut limits = false;
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--limits" => {
                limits = true;
                continue;
            }
            _ => {}
        }
        let (name, inline) = match arg.split_once('=') {
            Some((name, value)) => (name.to_string(), Some(value.to_string())),
            None => (arg.clone(), None),
        };
        let Some(index) = NAMES.iter().position(|known| *known == name) else {
            return Err(format!("unknown option '{arg}'; {USAGE}"));
        };
        let value = match inline.or_else(|| args.next()) {
            Some(value) if !value.is_empty() && !value.starts_with("--") => value,
            _ => return Err(format!("{name} needs a path; {USAGE}")),
        };
        if values[index].replace(PathBuf::from(value)).is_some() {
            return Err(format!("{name} is given twice; {USAGE}"));
        }
    }
    let [dir, socket, reference, venue_addr_file, tighter] = values;
    if limits {
        return Ok(Command::Limits { tighter });
    }
    let need = |name: &str, value: Option<PathBuf>| {
        value.ok_or_else(|| format!("{name} is missing; {USAGE}"))
    };
    Ok(Command::Serve(Options {
        dir: need(NAMES[0], dir)?,
        socket: need(NAMES[1], socket)?,
        reference: need(NAMES[2], reference)?,
        venue_addr_file: need(NAMES[3], venue_addr_file)?,
        tighter,
    }))
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
            "--dir d --socket=s --reference r --venue-addr-file v --tighter t",
        ));
        assert_eq!(
            parsed,
            Ok(Command::Serve(Options {
                dir: "d".into(),
                socket: "s".into(),
                reference: "r".into(),
                venue_addr_file: "v".into(),
                tighter: Some("t".into()),
            }))
        );
    }

    #[test]
    fn each_fault_names_its_option() {
        for (line, named) in [
            ("--dri d", "unknown option '--dri'"),
            ("--dir", "--dir needs a path"),
            ("--dir --socket s", "--dir needs a path"),
            ("--dir a --dir b", "--dir is given twice"),
            (
                "--dir d --socket s --reference r",
                "--venue-addr-file is missing",
            ),
        ] {
            let err = parse(words(line)).unwrap_err();
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
}
