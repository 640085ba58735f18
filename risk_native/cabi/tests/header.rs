//! The header says what this crate is: every struct, number and function of the one in the other, as a C compiler reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use dnalyaw_desk::Wants;
use dnalyaw_risk::codes::*;
use dnalyaw_risk::layout::LAYOUTS;

const HEADER: &str = include_str!("../include/dnalyaw_risk.h");
const SOURCES: [&str; 4] = [
    include_str!("../src/boundary/mod.rs"),
    include_str!("../src/boundary/session.rs"),
    include_str!("../src/boundary/orders.rs"),
    include_str!("../src/boundary/views.rs"),
];

/// Every number that the header names, as this crate has it.
fn numbers() -> BTreeMap<String, i64> {
    let mut all = BTreeMap::from(
        [
            ("ABI", i64::from(ABI)),
            ("WANTS_SETTLE", Wants::SETTLE.bits().into()),
            ("WANTS_CASH", Wants::CASH.bits().into()),
            ("WANTS_ACCOUNT", Wants::ACCOUNT.bits().into()),
            ("ACTION_CANCEL", ACTION_CANCEL.into()),
            ("ACTION_CLOSE", ACTION_CLOSE.into()),
            ("SCOPE_ALL", SCOPE_ALL.into()),
            ("SCOPE_INSTRUMENT", SCOPE_INSTRUMENT.into()),
            ("SCOPE_VENUE", SCOPE_VENUE.into()),
            ("SCOPE_STRATEGY", SCOPE_STRATEGY.into()),
        ]
        .map(|(name, value)| (format!("DNALYAW_RISK_{name}"), value)),
    );
    for failure in Failure::ALL {
        let mut name = String::from("DNALYAW_RISK_E");
        for letter in format!("{failure:?}").chars() {
            if letter.is_uppercase() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        all.insert(name, failure as i64);
    }
    all
}

/// What a program of the header prints.
fn told(program: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (source, binary) = (dir.path().join("told.c"), dir.path().join("told"));
    std::fs::write(&source, program).unwrap();
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let built = Command::new(&cc)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(include)
        .arg("-o")
        .args([&binary, &source])
        .output()
        .unwrap_or_else(|err| panic!("{cc:?}: {err}"));
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let run = Command::new(&binary).output().unwrap();
    assert!(run.status.success());
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn a_c_compiler_sees_the_same_structs_and_numbers() {
    let mut program = String::from(
        "#include <dnalyaw_risk.h>\n#include <stdalign.h>\n#include <stdio.h>\nint main(void) {\n",
    );
    let mut wanted = String::new();
    for layout in LAYOUTS {
        let name = layout.name;
        writeln!(
            program,
            "printf(\"{name} %zu %zu\\n\", sizeof({name}), alignof({name}));"
        )
        .unwrap();
        writeln!(wanted, "{name} {} {}", layout.size, layout.align).unwrap();
        for (field, offset, size) in layout.fields {
            writeln!(program, "printf(\"{name}.{field} %zu %zu\\n\", offsetof({name}, {field}), sizeof(((const {name} *)0)->{field}));").unwrap();
            writeln!(wanted, "{name}.{field} {offset} {size}").unwrap();
        }
    }
    for (name, value) in numbers() {
        writeln!(program, "printf(\"{name} %d\\n\", {name});").unwrap();
        writeln!(wanted, "{name} {value}").unwrap();
    }
    program.push_str("return 0;\n}\n");
    assert_eq!(told(&program), wanted);
}

/// The header without its comments.
fn bare_header() -> String {
    let mut text = String::new();
    let mut rest = HEADER;
    while let Some((before, after)) = rest.split_once("/*") {
        text.push_str(before);
        rest = after.split_once("*/").expect("a comment ends").1;
    }
    text + rest
}

#[test]
fn the_header_has_no_struct_or_number_of_its_own() {
    let header = bare_header();
    let mut structs: Vec<&str> = header
        .lines()
        .filter_map(|line| line.strip_prefix("typedef struct ")?.strip_suffix(" {"))
        .collect();
    let mut wanted: Vec<&str> = LAYOUTS.iter().map(|layout| layout.name).collect();
    structs.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(structs, wanted);
    let fields = header.matches(';').count()
        - header.matches("typedef struct dnalyaw_desk dnalyaw_desk;").count()
        - header.matches(");").count()
        // Each struct's closing line.
        - wanted.len();
    let known: usize = LAYOUTS.iter().map(|layout| layout.fields.len()).sum();
    assert_eq!(fields, known, "fields of all structs together");
    let named = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define DNALYAW_RISK_"))
        .filter_map(|line| line.split_once(' '));
    let mut named: Vec<String> = named
        .map(|(name, _)| format!("DNALYAW_RISK_{name}"))
        .collect();
    named.sort_unstable();
    assert_eq!(named, numbers().into_keys().collect::<Vec<_>>());
}

/// A type of this crate's functions as the header writes it.
fn in_c(rust: &str) -> String {
    if let Some(inner) = rust.strip_prefix("*const ") {
        return format!("const {}", pointer(&in_c(inner)));
    }
    if let Some(inner) = rust.strip_prefix("*mut ") {
        return pointer(&in_c(inner));
    }
    let known = match rust {
        "u64" => "uint64_t",
        "i64" => "int64_t",
        "u32" => "uint32_t",
        "i32" => "int32_t",
        "u8" => "uint8_t",
        "usize" => "size_t",
        "c_char" => "char",
        "Handle" => "dnalyaw_desk",
        "OpenOrder" => "dnalyaw_open_order",
        other => return format!("dnalyaw_{}", other.to_lowercase()),
    };
    known.to_owned()
}

fn pointer(to: &str) -> String {
    let (name, stars) = to.split_once(' ').unwrap_or((to, ""));
    format!("{name} *{stars}")
}

/// Every exported function, as its prototype.
fn exported() -> Vec<String> {
    let mut all = Vec::new();
    for source in SOURCES {
        let mut parts = source.split("#[unsafe(no_mangle)]\n");
        parts.next();
        for part in parts {
            let (_, signature) = part
                .split_once("extern \"C\" fn ")
                .expect("what is exported is extern \"C\"");
            let (name, rest) = signature.split_once('(').unwrap();
            let (arguments, rest) = rest.split_once(") -> ").unwrap();
            let (answer, _) = rest.split_once(" {").unwrap();
            let arguments: Vec<String> = arguments
                .split(',')
                .filter_map(|one| one.trim().split_once(": "))
                .map(|(name, of)| match in_c(of) {
                    of if of.ends_with('*') => format!("{of}{name}"),
                    of => format!("{of} {name}"),
                })
                .collect();
            let arguments = if arguments.is_empty() {
                "void".to_owned()
            } else {
                arguments.join(", ")
            };
            all.push(format!("{} {name}({arguments});", in_c(answer)));
        }
    }
    all
}

#[test]
fn the_header_has_every_function_as_it_is() {
    let header = bare_header();
    let words: Vec<&str> = header.split_whitespace().collect();
    let header = words.join(" ");
    let exported = exported();
    assert!(exported.len() > 25, "the sources were read: {exported:?}");
    for prototype in &exported {
        assert!(header.contains(prototype), "the header lacks {prototype}");
    }
    assert_eq!(
        header.matches("_t dnalyaw_risk_").count(),
        exported.len(),
        "the header has a function that is not here"
    );
}
