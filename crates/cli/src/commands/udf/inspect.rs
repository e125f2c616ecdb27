//! `larder udf inspect`.

use anyhow::{Result, bail};
use larder_workbench::Inspection;

use super::{blocking, function};
use crate::udf_arguments::InspectArguments;

/// Prints what a file is. One that is refused is printed all the same, and fails.
pub(super) async fn run(arguments: &InspectArguments) -> Result<()> {
    let bytes = function::read(&arguments.file)?;
    let inspection = blocking(move || Ok(Inspection::of(bytes, &function::meter()?).0)).await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&inspection.to_json())?);
    } else {
        print!("{inspection}");
    }
    if inspection.functions.is_err() {
        bail!("larder does not accept `{}`", arguments.file.display());
    }
    Ok(())
}
