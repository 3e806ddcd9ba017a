//! scratch
fn main() {
    let p = std::env::args().nth(1).unwrap();
    let t = std::fs::read_to_string(&p).unwrap();
    let t0 = std::time::Instant::now();
    let pr = chainrule_lang::program::Program::new(chainrule_lang::source::Source::new(p.clone(), t));
    println!("{}", pr.rendered());
    println!("{:?}", t0.elapsed());
    for p in &pr.problems {
        println!("problem {} claims {} expects {}", p.label, p.claims.len(), p.expects.len());
        for c in &p.claims {
            println!(
                "  {} {} {:?} nc {}",
                c.label,
                c.text,
                c.formula.as_ref().map(|f| f
                    .sides
                    .iter()
                    .map(|s| chainrule_core::render::Printer::new(&p.scope.graph)
                        .index_text(s.node)
                        .to_string())
                    .collect::<Vec<_>>()),
                c.not_comparable.is_some()
            );
        }
    }
    for q in std::env::args().skip(2) {
        match pr.query(&q, None) {
            Ok(mut q) => {
                println!(
                    "{} : {:?} = {}",
                    q.source.text,
                    q.shape.iter().map(|d| d.to_string()).collect::<Vec<_>>(),
                    chainrule_core::render::Printer::new(&q.scope.graph).index_text(q.node)
                );
                println!(
                    "   {:?}",
                    chainrule_core::render::Printer::new(&q.scope.graph)
                        .vector_text(q.node)
                        .map(|t| t.to_string())
                );
                println!("   {:?}", q.verify());
                for d in &q.diagnostics {
                    println!("{}", d.render(&q.source));
                }
            }
            Err(r) => println!("{}", r.rendered()),
        }
    }
}
