//! Notebooks as files. `tests/feast_client` runs them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::larder::{AS_OF, Repo, larder};

const FILES: [&str; 4] = [
    "01_feature_store_overview.ipynb",
    "02_historical_features_training.ipynb",
    "03_online_features_serving.ipynb",
    "04_feast_client.ipynb",
];

/// The code of a notebook's cells.
fn code(file: &Path) -> String {
    let document: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((document["nbformat"].as_u64(), document["nbformat_minor"].as_u64()), (Some(4), Some(5)));
    let cells = document["cells"].as_array().unwrap().iter().filter(|cell| cell["cell_type"] == "code");
    cells.flat_map(|cell| cell["source"].as_array().unwrap()).map(|line| line.as_str().unwrap()).collect()
}

#[test]
fn a_project_gets_a_folder_of_notebooks_and_none_that_is_there_is_replaced_unasked() {
    let repo = Repo::sample();
    let output = repo.path().join("out");
    let shown = output.display().to_string();
    let early = repo.run(&["demo-notebooks", "-o", &shown]).failure(1);
    assert!(early.contains("nothing is registered of project `repo` yet"), "{early}");
    assert!(!output.exists());

    repo.run(&["apply"]).success();
    let printed = repo.run(&["demo-notebooks", "-o", &shown, "--as-of", AS_OF]).success();
    let paths = FILES.map(|file| output.join("repo").join(file));
    let expected: String = paths.iter().map(|path| format!("{}\n", path.display())).collect();
    assert_eq!(printed.stdout, expected);
    for path in &paths {
        let code = code(path);
        let repo = repo.dir().canonicalize().unwrap();
        assert!(code.contains(&format!("REPO = \"{}\"", repo.display())), "{code}");
        assert!(code.contains(&format!("AS_OF = \"{AS_OF}\"")), "{code}");
    }

    // All or none: one that is in the way keeps the others from being written too.
    fs::remove_file(&paths[0]).unwrap();
    fs::write(&paths[2], "mine").unwrap();
    let refused = repo.run(&["demo-notebooks", "-o", &shown]).failure(1);
    assert!(refused.contains("02_historical_features_training.ipynb` is already there"), "{refused}");
    assert!(refused.contains("`--overwrite`"), "{refused}");
    assert!(!paths[0].exists());
    assert_eq!(fs::read_to_string(&paths[2]).unwrap(), "mine");
    repo.run(&["demo-notebooks", "--output-dir", &shown, "--overwrite"]).success();
    assert!(code(&paths[2]).contains("AS_OF = None"));
}

#[test]
fn every_configuration_in_feast_config_is_a_project_of_its_own() {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    let folder = repo.dir().join("feast-config");
    fs::create_dir(&folder).unwrap();
    let config = fs::read_to_string(repo.dir().join("feature_store.yaml")).unwrap();
    let other = config.replace("project: repo", "project: other").replace("data/", "other/");
    let file = folder.join("other").display().to_string();
    fs::write(&file, &other).unwrap();
    let dir = repo.dir().display().to_string();
    larder(&["-c", &dir, "-f", &file, "apply"]).success();

    let output = repo.path().join("out");
    let shown = output.display().to_string();
    repo.run(&["demo-notebooks", "-o", &shown]).success();
    for project in ["repo", "other"] {
        assert!(output.join(project).join(FILES[3]).is_file(), "{project}");
    }
    assert!(code(&output.join("other").join(FILES[0])).contains("feast-config/other\""));

    // With `-f` that one alone.
    let alone = repo.path().join("alone");
    larder(&["-c", &dir, "-f", &file, "demo-notebooks", "-o", &alone.display().to_string()]).success();
    assert!(alone.join("other").is_dir() && !alone.join("repo").exists());

    // Two of one project would share a folder.
    fs::write(folder.join("same"), &other).unwrap();
    let refused = repo.run(&["demo-notebooks", "-o", &shown, "--overwrite"]).failure(1);
    assert!(refused.contains("are both of project `other`"), "{refused}");

    let nowhere = repo.path().join("nowhere");
    fs::create_dir(&nowhere).unwrap();
    let nothing = larder(&["-c", &nowhere.display().to_string(), "demo-notebooks"]).failure(1);
    assert!(nothing.contains("neither a `feature_store.yaml` nor a file in `feast-config/`"), "{nothing}");
}
