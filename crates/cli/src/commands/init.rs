//! `larder init`: a feature repo to start from.

use std::fs;

use anyhow::{Result, bail};

use crate::arguments::InitArguments;
use crate::template;

pub(crate) fn run(arguments: &InitArguments) -> Result<()> {
    let dir = &arguments.dir;
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("`{}` is not empty; choose a new folder", dir.display());
    }
    let end = template::end_of_data(arguments.as_of.as_deref())?;
    template::write(dir, &template::project_name(dir), end)?;
    let shown = dir.display();
    println!("Creating a new larder repository in {shown}.");
    let larder = super::program();
    eprintln!("\nNext:");
    for command in [
        "apply".to_owned(),
        format!("materialize-incremental {end}"),
        "get-online-features -e driver_id=1001 -f driver_hourly_stats:conv_rate".to_owned(),
    ] {
        eprintln!("   {larder} -c {shown} {command}");
    }
    Ok(())
}
