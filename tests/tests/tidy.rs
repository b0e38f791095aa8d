//! The sources follow the project's rules.

#![forbid(unsafe_code)]

use reckon_tests::tidy;

#[track_caller]
fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn dependencies_point_down() {
    none(tidy::upward_uses(&tidy::sources()));
}

#[test]
fn files_are_short() {
    none(tidy::long_files(&tidy::sources()));
}

#[test]
fn functions_are_short() {
    none(tidy::long_functions(&tidy::sources()));
}

#[test]
fn files_say_what_they_are() {
    none(tidy::missing_headers(&tidy::sources()));
}

#[test]
fn nothing_is_left_for_later() {
    none(tidy::unfinished(&tidy::sources()));
}

#[test]
fn names_say_something() {
    none(tidy::banned_names(&tidy::sources()));
}

#[test]
fn unsafe_code_is_forbidden_where_it_can_be() {
    none(tidy::forgotten_forbids(&tidy::sources()));
}

#[test]
fn security_lists_every_file_with_unsafe_code() {
    none(tidy::unlisted(&tidy::sources()));
}
