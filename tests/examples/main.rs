//! The course in `examples/`: each page is a golden file, so the examples cannot rot.

use chainrule_golden::golden_text;

macro_rules! pages {
    ($($name:ident = $path:literal),* $(,)?) => { $(
        #[allow(dead_code, reason = "an example has a main of its own")]
        #[path = $path]
        mod $name;

        #[test]
        fn $name() {
            golden_text!("examples", stringify!($name), &$name::page().expect("the example runs"));
        }
    )* };
}

pages! {
    one_neuron = "../../examples/01_one_neuron.rs",
    affine_layer = "../../examples/02_affine_layer.rs",
    kinks = "../../examples/03_kinks.rs",
    cross_entropy = "../../examples/04_cross_entropy.rs",
    by_name = "../../examples/05_by_name.rs",
    a_new_layer = "../../examples/06_a_new_layer.rs",
    hessian = "../../examples/07_hessian.rs",
}
