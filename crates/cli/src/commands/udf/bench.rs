//! `larder udf bench`.

use anyhow::{Context as _, Result, bail};
use larder_workbench::{Cost, Grid, bench, bench_input, shown_bytes};
use serde_json::{Value, json};

use super::{blocking, function};
use crate::materialize_progress::grouped;
use crate::udf_arguments::BenchArguments;

pub(super) async fn run(arguments: &BenchArguments, quiet: bool) -> Result<()> {
    let (function_arguments, input_file) = (arguments.function.clone(), arguments.input.clone());
    let (name, costs) = blocking(move || {
        let function = function::open(&function_arguments)?;
        let inputs = &function.signature().inputs;
        let input = match &input_file {
            Some(file) => function::input(file, inputs)?,
            None => bench_input(inputs),
        };
        if input.num_rows() == 0 {
            bail!("there are no rows to measure with");
        }
        let name = function.signature().name.clone();
        let costs = bench(&function, &input, |cost| {
            if !quiet {
                eprintln!("measured {} rows", cost.rows);
            }
        });
        let remedy = if input_file.is_some() { "" } else { "; give rows that it takes with `--input`" };
        Ok((name.clone(), costs.with_context(|| format!("function `{name}` failed{remedy}"))?))
    })
    .await?;
    if arguments.json {
        let costs: Vec<Value> = costs.iter().map(Cost::to_json).collect();
        println!("{}", serde_json::to_string_pretty(&json!({"function": name, "sizes": costs}))?);
    } else {
        print!("{}", grid(&costs));
    }
    Ok(())
}

fn grid(costs: &[Cost]) -> Grid {
    const HEADERS: [&str; 8] =
        ["rows", "calls", "time", "time a row", "instructions", "instructions a row", "memory", "output"];
    let bytes = |bytes: usize| shown_bytes(u64::try_from(bytes).unwrap_or(u64::MAX));
    let row = |cost: &Cost| {
        let rows = u32::try_from(cost.rows).unwrap_or(u32::MAX).max(1);
        vec![
            grouped(rows.into()),
            cost.calls.to_string(),
            function::span(cost.time),
            function::span(cost.time / rows),
            grouped(cost.instructions),
            grouped(cost.instructions / u64::from(rows)),
            bytes(cost.memory_bytes),
            bytes(cost.output_bytes),
        ]
    };
    Grid { headers: HEADERS.map(str::to_owned).to_vec(), rows: costs.iter().map(row).collect() }
}
