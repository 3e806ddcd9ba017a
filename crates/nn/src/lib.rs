//! Floor 2: layers, losses and networks. This crate knows layers, and nothing of how they are differentiated.
//!
//! A layer is a function from expressions to expressions that creates its parameters where it uses them. Nobody
//! writes a backward pass: the definition is the derivative's only source.
//!
//! ```
//! use chainrule_core::{shape::Type, tensor::Tensor};
//! use chainrule_nn::{Layer, Mlp, Params, affine, identity, quadratic, relu, seq};
//!
//! let net = seq((affine(2).named("1"), relu, affine(()).named("2")));
//! let model = Mlp::new(net, quadratic, identity).build(Type::real([2]), Type::scalar())?;
//! let params = Params::new()
//!     .with("1/v", Tensor::new(&[2, 2], vec![1.0, 0.0, 0.0, 1.0]).unwrap())
//!     .with("1/b", Tensor::vector(vec![0.0, 0.0]))
//!     .with("2/v", Tensor::vector(vec![3.0, 5.0]))
//!     .with("2/b", Tensor::scalar(1.0));
//! let x = Tensor::vector(vec![2.0, -1.0]);
//! let trace = model.train(&params, x.clone(), Tensor::scalar(4.0))?;
//! assert_eq!(trace.loss(), 4.5);
//! assert_eq!(trace.gradients().get("2/v").unwrap().data(), [6.0, 0.0]);
//! assert_eq!(model.infer(&params, x)?.real().unwrap().data(), [7.0]);
//! # Ok::<(), chainrule_core::Diagnostics>(())
//! ```

pub mod affine;
pub mod homework;
pub mod layer;
pub mod loss;
pub mod model;
pub mod params;
pub mod problems;
pub mod scope;
pub mod seq;

pub use affine::{affine, relu};
pub use layer::{Layer, layer};
pub use loss::{argmax, cross_entropy, hinge, identity, quadratic};
pub use model::{Mlp, Model, Trace};
pub use params::{Init, ParamTree, Params};
pub use scope::{Mode, Scope};
pub use seq::seq;
