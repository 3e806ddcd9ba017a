//! Letters of names, and signs that look like others.

/// Letters of names: Latin with and without accents, Greek.
pub(crate) fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
        || greek(c).is_some()
        || c == 'ℓ'
        || (('\u{c0}'..='\u{24f}').contains(&c) && c.is_alphabetic())
}

/// What may follow in a name.
pub(crate) fn continues_name(c: char) -> bool {
    is_letter(c) || c.is_ascii_digit() || c == '_' || subscript(c).is_some()
}

/// A Greek letter by its name, so that `λ`, `\lambda` and `lambda` are one name.
pub(crate) fn greek(c: char) -> Option<&'static str> {
    const SMALL: [&str; 25] = [
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
        "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi",
        "omega",
    ];
    const LARGE: [&str; 25] = [
        "Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta", "Theta", "Iota", "Kappa", "Lambda",
        "Mu", "Nu", "Xi", "Omicron", "Pi", "Rho", "", "Sigma", "Tau", "Upsilon", "Phi", "Chi", "Psi",
        "Omega",
    ];
    match c {
        'α'..='ω' => SMALL.get(c as usize - 'α' as usize).copied(),
        'Α'..='Ρ' | 'Σ'..='Ω' => LARGE.get(c as usize - 'Α' as usize).copied(),
        'ϵ' => Some("epsilon"),
        'ϕ' => Some("phi"),
        'ϑ' => Some("theta"),
        'ϱ' => Some("rho"),
        'ϖ' => Some("pi"),
        'µ' => Some("mu"),
        'ℓ' => Some("l"),
        _ => None,
    }
}

/// The plain sign of a subscript.
pub(crate) fn subscript(c: char) -> Option<char> {
    const LETTERS: [(char, char); 17] = [
        ('ₐ', 'a'),
        ('ₑ', 'e'),
        ('ₕ', 'h'),
        ('ᵢ', 'i'),
        ('ⱼ', 'j'),
        ('ₖ', 'k'),
        ('ₗ', 'l'),
        ('ₘ', 'm'),
        ('ₙ', 'n'),
        ('ₒ', 'o'),
        ('ₚ', 'p'),
        ('ᵣ', 'r'),
        ('ₛ', 's'),
        ('ₜ', 't'),
        ('ᵤ', 'u'),
        ('ᵥ', 'v'),
        ('ₓ', 'x'),
    ];
    if ('₀'..='₉').contains(&c) {
        return char::from_digit(c as u32 - '₀' as u32, 10);
    }
    LETTERS.iter().find(|(sign, _)| *sign == c).map(|&(_, plain)| plain)
}

/// The plain digit of a superscript.
pub(crate) fn superscript(c: char) -> Option<char> {
    "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().position(|sign| sign == c).and_then(|digit| char::from_digit(digit as u32, 10))
}

/// A letter of another alphabet that looks like a Latin one: the alphabet and the letter to type.
pub(crate) fn twin(c: char) -> Option<(&'static str, char)> {
    const CYRILLIC: [(char, char); 27] = [
        ('а', 'a'),
        ('е', 'e'),
        ('о', 'o'),
        ('р', 'p'),
        ('с', 'c'),
        ('у', 'y'),
        ('х', 'x'),
        ('і', 'i'),
        ('ј', 'j'),
        ('ѕ', 's'),
        ('һ', 'h'),
        ('ԁ', 'd'),
        ('А', 'A'),
        ('В', 'B'),
        ('Е', 'E'),
        ('К', 'K'),
        ('М', 'M'),
        ('Н', 'H'),
        ('О', 'O'),
        ('Р', 'P'),
        ('С', 'C'),
        ('Т', 'T'),
        ('У', 'Y'),
        ('Х', 'X'),
        ('І', 'I'),
        ('Ј', 'J'),
        ('Ѕ', 'S'),
    ];
    if let Some(&(_, plain)) = CYRILLIC.iter().find(|(sign, _)| *sign == c) {
        return Some(("Cyrillic", plain));
    }
    // Full-width forms stand at a fixed distance from ASCII.
    let wide = ('\u{ff01}'..='\u{ff5e}').contains(&c).then(|| char::from_u32(c as u32 - 0xfee0)).flatten();
    wide.map(|plain| ("full-width", plain))
}

/// A sign that looks like one of ours: its name and what to type.
pub(crate) fn mistaken(c: char) -> Option<(&'static str, &'static str)> {
    Some(match c {
        '‘' | '’' | '`' | '´' => ("a quotation mark or accent", "'  for a transpose"),
        '“' | '”' | '„' | '«' | '»' => ("a typographic quotation mark", "\"  around text"),
        '–' | '—' | '‐' | '‑' | '‒' => ("a dash", "-  for minus"),
        '∗' | '＊' | '•' | '∘' => ("a look-alike of a product sign", "*  or  .*  or  @"),
        '÷' | '∕' | '⁄' => ("a look-alike of a fraction bar", "/"),
        '≡' | '≔' => ("a look-alike of an equals sign", "="),
        '≈' | '≃' => ("an approximate equality", "=  with  tol  in an `expect`"),
        '√' => ("a root sign", "sqrt(x)"),
        '∞' => ("an infinity sign", "inf"),
        '∇' => ("a nabla", "grad(f, x)"),
        '∧' | '&' => ("a conjunction", "and"),
        '∨' | '|' => ("a bar", "or  between conditions, abs(x)  around a number"),
        '¬' | '!' => ("a negation", "not"),
        '…' => ("an ellipsis", "..  for a range"),
        '⟨' | '⟩' => ("an angle bracket", "dot(x, y)"),
        '$' => ("a sign of LaTeX's mathematics", "the formula without it"),
        '%' => ("a percent sign", "#  before a comment"),
        _ => return None,
    })
}

/// How a sign is called in a message.
pub(crate) fn called(c: char) -> String {
    let point = format!("U+{:04X}", c as u32);
    match c {
        '\0' => format!("a NUL byte ({point})"),
        c if c.is_control() => format!("a control character ({point})"),
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
            format!("an invisible character ({point})")
        }
        c => match (twin(c), mistaken(c)) {
            (Some((alphabet, _)), _) => format!("the {alphabet} character `{c}` ({point})"),
            (_, Some((name, _))) if c.is_ascii() => format!("`{c}`, {name}"),
            (_, Some((name, _))) => format!("`{c}`, {name} ({point})"),
            _ if c.is_ascii() => format!("`{c}`"),
            _ => format!("the character `{c}` ({point})"),
        },
    }
}
