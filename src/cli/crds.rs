//! `perouter crds`: the custom resource definitions as YAML.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::api::crd;

#[cfg(test)]
mod tests;

/// Arguments of `perouter crds`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Write one file for each kind into this directory instead of printing them all
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

/// Runs `perouter crds`.
pub(super) fn run(args: Args) -> ExitCode {
    match write(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("perouter crds: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(Args { output_dir }: Args) -> Result<(), Box<dyn std::error::Error>> {
    let files = crd::files()?;
    let Some(directory) = output_dir else {
        use std::io::Write;
        let mut stdout = std::io::stdout().lock();
        for file in files {
            write!(stdout, "---\n{}", file.text)?;
        }
        return Ok(());
    };
    for file in files {
        let path = directory.join(file.name);
        std::fs::write(&path, file.text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}
