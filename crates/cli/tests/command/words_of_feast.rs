//! Command lines of Feast's: they work, or a sentence says what larder has instead.

use crate::larder::{Repo, larder};

#[test]
fn a_command_that_is_none_is_a_usage_error_with_a_suggestion() {
    let unknown = larder(&["materialise"]).failure(2);
    assert!(unknown.contains("materialize"), "{unknown}");
}

#[test]
fn a_certificate_given_by_feasts_short_flag_is_not_taken_for_a_repo() {
    let repo = Repo::sample();
    let cert = repo.dir().join("cert.pem").display().to_string();
    std::fs::write(&cert, "").unwrap();
    let both = larder(&["serve", "-k", "key.pem", "-c", &cert]).failure(2);
    assert!(both.contains("give the certificate by `--cert FILE`"), "{both}");
    let both = larder(&["serve_registry", "-k", "key.pem", "-c", &cert]).failure(2);
    assert!(both.contains("give the certificate by `--cert FILE`"), "{both}");
    let alone = larder(&["serve", "-c", &cert]).failure(1);
    assert!(alone.contains("is a file, and `-c` names the folder of a feature repo"), "{alone}");
}

#[test]
fn a_repo_is_created_by_feasts_flags() {
    let repo = Repo::empty();
    let dir = repo.dir().display().to_string();
    larder(&["init", "rides", "--repo-path", &dir, "-t", "local"]).success();
    let config = std::fs::read_to_string(repo.dir().join("feature_store.yaml")).unwrap();
    assert!(config.contains("project: rides\n"), "{config}");
    repo.run(&["apply"]).success();

    let repo = Repo::empty();
    larder(&["init", "-m", &repo.dir().display().to_string()]).success();
    let mut files: Vec<_> =
        std::fs::read_dir(repo.dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, [".gitignore", "feature_store.yaml"]);
    repo.run(&["apply"]).success();
}

#[test]
fn templates_that_are_not_here_are_usage_errors_that_name_those_that_are() {
    let cloud = larder(&["init", "x", "-t", "gcp"]).failure(2);
    assert!(
        cloud.contains(
            "Feast's template `gcp` rests on what larder does not have yet; use `local` or `pytorch_nlp`"
        ),
        "{cloud}"
    );
    assert!(larder(&["init", "x", "-t", "nope"]).failure(2).contains("there is no template `nope`"));
    assert!(!std::path::Path::new("x").exists());
}

#[test]
fn a_registry_that_is_a_file_needs_no_schema() {
    let repo = Repo::sample();
    let refused = repo.run(&["registry", "create-schema"]).failure(1);
    let text =
        "This command only applies to SQL-based registries (registry_type='sql'). Current type: 'file'";
    assert!(refused.contains(text), "{refused}");
}
