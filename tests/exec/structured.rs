//! Structured plans: the dense value of what they answer is what the slow evaluator answers.

use crate::judge::{Case, Data, Tally, judge};
use crate::programs::{Program, derivatives};
use chainrule_core::shape::DType;
use chainrule_exec::{Options, Plan, StructuredPlan, Value};

#[test]
fn structured_derivatives_agree() {
    let (mut tally, mut smaller) = (Tally::default(), 0);
    for seed in 11_000_000..11_000_200 {
        let Program { graph, outputs, sizes } = derivatives(seed);
        let real = outputs.into_iter().filter(|&o| graph.ty(o).dtype == DType::Real);
        for output in real.collect::<Vec<_>>() {
            let program = Program { graph: graph.clone(), outputs: vec![output], sizes: sizes.clone() };
            let Some(case) = Case::<f64>::new(seed, program) else { continue };
            let options = Options { sizes: sizes.clone(), ..Options::default() };
            let all = Plan::<f64>::compile(&graph, &[output], &options).expect("compiled before");
            let mut plan = StructuredPlan::<f64>::compile(&graph, output, &options)
                .unwrap_or_else(|e| panic!("{e}, {}", case.text(seed)));
            let of =
                |name: &str| all.inputs().iter().position(|i| i.name == name).expect("an input of the whole");
            let inputs: Vec<Value<'_, f64>> = plan
                .inputs()
                .iter()
                .map(|input| match &case.data[of(&input.name)] {
                    Data::Real(v) => Value::Real(v),
                    Data::Int(v) => Value::Int(v),
                    Data::Bool(v) => Value::Bool(v),
                })
                .collect();
            plan.run(&inputs).unwrap_or_else(|e| panic!("{e}, {}", case.text(seed)));
            let mut dense = vec![-7.25; all.output_shape(0).iter().product()];
            plan.value().to_dense_into(&mut dense).unwrap_or_else(|e| panic!("{e}, {}", case.text(seed)));
            smaller += usize::from(plan.stored() < dense.len());
            let difference = judge(&case.expected, &[dense], &mut tally);
            assert_eq!(difference, None, "{}", case.text(seed));
        }
    }
    assert!(
        tally.programs >= 300 && smaller >= 20,
        "{smaller} of {tally:?} are smaller than their dense values"
    );
}
