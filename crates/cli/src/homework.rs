//! `chainrule homework`: part 1 derived and worked, and the snapshots of the networks.

use crate::failure::Failure;
use chainrule_nn::homework::{Network, Section, Snapshot, Zeros, networks};
use chainrule_report::homework::{array, part_one};
use chainrule_report::json::sections as sections_as_json;
use chainrule_report::{Array, snapshot_block};
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write;

#[derive(Args, Debug)]
pub(crate) struct Homework {
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand, Debug)]
enum Part {
    /// The snapshot of one network and nothing else
    Network(NetworkArguments),
}

#[derive(Args, Debug)]
struct NetworkArguments {
    /// 0, 1 or 2
    #[arg(value_parser = clap::value_parser!(u8).range(0..=2))]
    number: u8,
    /// How values are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// What becomes of the sign of zero
    #[arg(long, value_enum, default_value_t)]
    zeros: Sign,
}

#[derive(ValueEnum, Copy, Clone, Debug, Default)]
enum Format {
    /// The homework's own: `((1, 0), (0, 1))`
    #[default]
    ArrayString,
    /// NumPy's `str`
    Numpy,
    /// All values at full precision, `jx`, `gx` and the decision included
    Json,
}

#[derive(ValueEnum, Copy, Clone, Debug, Default)]
enum Sign {
    /// Zero is 0
    #[default]
    Canonical,
    /// As the homework's program prints it, by multiplying dense identities
    Homework,
}

impl Homework {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        match &self.part {
            None => everything(out),
            Some(Part::Network(arguments)) => arguments.run(out),
        }
    }
}

/// What the keys of a snapshot mean.
const LEGEND: &str = "
Problem 2.1  Snapshots of networks 0, 1 and 2

  x -> p = V1 x + b1 -> q = relu(p) -> z = V2 q + b2 -> lambda, the loss of z against the target

  p, q, z, lambda   the values of the forward pass
  jv2, jb2, jq      local Jacobians of z with respect to V2, b2 and q
  jp                local Jacobian of q with respect to p
  jv1, jb1          local Jacobians of p with respect to V1 and b1
  gz, gv2, ...      gradients of lambda with respect to z, V2, ..., from the last step back to the first

  Networks 0 and 1 have the quadratic loss, network 2 has the loss l_h of Problem 1.1. Output indices come first:
  jv2[i][j][k] is dz[i]/dV2[j,k]. Zero is printed without its sign; `chainrule homework network 0 --zeros homework`
  keeps it, as the homework's own program does.

";

/// Problems 1.1 to 1.5, then the snapshots.
fn everything(out: &mut dyn Write) -> Result<(), Failure> {
    out.write_all(part_one()?.as_bytes())?;
    out.write_all(LEGEND.as_bytes())?;
    for network in &networks() {
        writeln!(out, "{}\n", "-".repeat(72))?;
        write!(
            out,
            "{}",
            block(
                &snapshot(network, Sign::Canonical)?,
                network.number,
                chainrule_report::Format::ArrayString
            )
        )?;
    }
    Ok(())
}

impl NetworkArguments {
    fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let network = &networks()[usize::from(self.number)];
        let snapshot = snapshot(network, self.zeros)?;
        let text = match self.format {
            Format::ArrayString => block(&snapshot, network.number, chainrule_report::Format::ArrayString),
            Format::Numpy => block(&snapshot, network.number, chainrule_report::Format::Numpy),
            Format::Json => object(&snapshot, network.number),
        };
        out.write_all(text.as_bytes())?;
        Ok(())
    }
}

fn snapshot(network: &Network, zeros: Sign) -> Result<Snapshot, Failure> {
    let zeros = match zeros {
        Sign::Canonical => Zeros::Canonical,
        Sign::Homework => Zeros::Homework,
    };
    network.snapshot(zeros).map_err(|d| Failure::Data(d.to_string()))
}

fn arrays(section: &Section) -> Vec<(&str, Array)> {
    section.iter().map(|(key, value)| (key.as_str(), array(value))).collect()
}

fn block(snapshot: &Snapshot, number: usize, format: chainrule_report::Format) -> String {
    let printed = snapshot.clone().as_printed();
    let sections = [&printed.forward, &printed.jacobians, &printed.gradients].map(arrays);
    snapshot_block(number, [&sections[0], &sections[1], &sections[2]], format)
}

/// The snapshot in its natural shapes.
fn object(snapshot: &Snapshot, number: usize) -> String {
    let sections = [
        ("forward", &snapshot.forward),
        ("jacobians", &snapshot.jacobians),
        ("gradients", &snapshot.gradients),
        ("extra", &snapshot.extra),
    ];
    sections_as_json(number, &sections.map(|(title, section)| (title, arrays(section))))
}
