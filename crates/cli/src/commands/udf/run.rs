//! `larder udf run`.

use anyhow::{Context as _, Result};
use larder::table::write_table;
use larder_workbench::{Rows, json_records, measure};

use super::{blocking, function};
use crate::materialize_progress::grouped;
use crate::udf_arguments::RunArguments;

/// Rows that a table on the terminal shows before it says how many more there are.
const SHOWN_ROWS: usize = 50;

pub(super) async fn run(arguments: &RunArguments) -> Result<()> {
    let (function_arguments, input_file) = (arguments.function.clone(), arguments.input.clone());
    let (name, outputs, measured) = blocking(move || {
        let function = function::open(&function_arguments)?;
        let input = function::input(&input_file, &function.signature().inputs)?;
        let signature = function.signature();
        Ok((signature.name.clone(), signature.outputs.clone(), measure(&function, &input, 3)))
    })
    .await?;
    eprintln!("{}", function::cost_text(&measured.cost));
    let output = measured.output.with_context(|| format!("function `{name}` failed"))?;
    match &arguments.output {
        Some(path) => {
            write_table(path, &output)?;
            let rows = u64::try_from(output.num_rows()).unwrap_or(u64::MAX);
            eprintln!("{} rows written to {}", grouped(rows), path.display());
        }
        None if arguments.json => println!("{}", serde_json::to_string_pretty(&json_records(&output))?),
        None => {
            let shown = output.slice(0, output.num_rows().min(SHOWN_ROWS));
            print!("{}", Rows::of(&outputs, &shown).grid());
            let more = output.num_rows() - shown.num_rows();
            if more > 0 {
                eprintln!("… and {more} more rows; write all of them with `-o FILE`");
            }
        }
    }
    Ok(())
}
