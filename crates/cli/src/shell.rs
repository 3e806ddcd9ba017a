//! `chainrule completions` and `chainrule man`: generated from the argument parser, so they cannot disagree with it.

use crate::failure::Outcome;
use clap::{Args, Command};
use clap_complete::Shell;
use std::io::Write;

/// The arguments.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, mut command: Command, out: &mut dyn Write) -> Outcome {
        // The generator panics on a writer that fails, so it writes to memory.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "chainrule", &mut script);
        out.write_all(&script)?;
        Ok(0)
    }
}

/// The man page of the command, with a section for every subcommand.
pub(crate) fn man(command: Command, out: &mut dyn Write) -> Outcome {
    let page = clap_mangen::Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    for sub in command.get_subcommands().filter(|s| !s.is_hide_set()) {
        writeln!(out, ".SH \"CHAINRULE {}\"", sub.get_name().to_uppercase())?;
        let sub = sub.clone().bin_name(format!("chainrule {}", sub.get_name()));
        if let Some(about) = sub.get_about() {
            writeln!(out, "{about}.")?;
        }
        let page = clap_mangen::Man::new(sub);
        page.render_options_section(out)?;
    }
    writeln!(
        out,
        ".SH \"EXIT STATUS\"\n0 right, 1 something wrong, 2 undecided or conditional, 64 usage, 65 data, 66 no input, \
         70 internal, 74 output."
    )?;
    Ok(0)
}
