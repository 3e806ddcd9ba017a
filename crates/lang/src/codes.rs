//! The codes of messages: what each class of mistake is, with an example that is wrong and one that is right.
//!
//! E00 is about writing, E01 about names, indices and values, E03 about shapes, E04 about evaluation; W marks a
//! warning. A code keeps its meaning from release to release, so it can be looked up.

/// One class of messages.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Code {
    /// `E0301`
    pub code: &'static str,
    /// What is wrong, in one line.
    pub title: &'static str,
    /// Why it is refused or warned about, in a sentence or two.
    pub about: &'static str,
    /// What one writes to see it; empty where no short text shows it.
    pub wrong: &'static str,
    /// What to write instead.
    pub right: &'static str,
}

macro_rules! codes {
    ($($code:literal $title:literal $about:literal $wrong:literal => $right:literal;)*) => {
        &[$(Code { code: $code, title: $title, about: $about, wrong: $wrong, right: $right },)*]
    };
}

/// Every code, in order.
pub const CODES: &[Code] = codes! {
    "E0001" "a sign that is not part of the language"
        "Signs that look like one of the language's, as typographic quotes and dashes, are named with the one to type."
        "x ? y" => "x * y";
    "E0002" "a text that does not end, or an escape that is not known"
        "A text stands on one line between quotation marks; inside, only \\\" and \\\\ are escapes."
        "title \"Losses" => "title \"Losses\"";
    "E0003" "a number that cannot be read"
        "A number begins with a digit; a dot belongs to it only before a digit, so that 2.*x is 2 .* x."
        ".5 * x" => "0.5 * x";
    "E0004" "brackets that do not match"
        "Every bracket is closed by one of its own kind, in the item in which it was opened."
        "(x + 1" => "(x + 1)";
    "E0005" "a comma where none belongs"
        "Commas part arguments, indices and entries; round brackets hold one formula."
        "(1, 2)" => "[1, 2]";
    "E0006" "an item that does not begin or end where it should"
        "Items are parted by `;` or a new line and begin with their word: var, def, case, claim, ..."
        "dim n var x : real[n]" => "dim n; var x : real[n]";
    "E0007" "a fraction of variables that looks like a derivative"
        "When dz is declared, dl/dz could be two things, so the derivative is written out."
        "dl/dz" => "d(l)/d(z)";
    "E0008" "something else is expected here"
        "The message says what was found and what could stand there."
        "var x real[n]" => "var x : real[n]";
    "E0009" "a reserved word as a name"
        "Words that begin items or connect formulas cannot be names, nor can `d`, which marks derivatives."
        "var given : real" => "var known : real";
    "E0010" "`=` or several sides where one formula is expected"
        "`==` compares inside a formula; `=` stands between the sides of a claim."
        "[i = j]" => "[i == j]";
    "E0011" "a missing operator"
        "Nothing is multiplied by standing beside it: 2 x and f (x) could each be two things."
        "2 z[i]" => "2*z[i]";
    "E0012" "a spelling with two readings"
        "Comparisons do not chain, and V_12 could be V[1,2] or a name: the explicit spelling is asked for."
        "0 < x < 1" => "0 < x and x < 1";
    "E0013" "an incomplete derivative"
        "A derivative has something that is differentiated and something that it is taken by."
        "d(x^2)" => "d(x^2)/dx";
    "E0014" "a subscript that names no entry"
        "Subscripts with `_` belong to names only, and a name has as many indices as axes."
        "(a + b)_i" => "(a + b)[i]";
    "E0015" "a setting that is not known"
        "The message lists the values that a setting can have."
        "index base 2" => "index base 1";
    "E0016" "a problem inside another, or an item that does not belong there"
        "Problems stand side by side; each has names of its own."
        "" => "";
    "E0017" "LaTeX that is not read"
        "A subset of LaTeX is understood; every formula has a spelling in the language itself."
        "" => "";
    "E0018" "an incomplete `if`"
        "`a if c else b` always has both branches."
        "x[i] if x[i] > 0" => "x[i] if x[i] > 0 else 0";
    "E0019" "cases that are not complete"
        "The last row of cases has no condition: it holds where no other does."
        "cases(x > 0: 1)" => "cases(x > 0: 1, else: 0)";
    "E0102" "a name, case, claim or problem that stands twice"
        "Within one problem a name means one thing; problems do not see each other's names."
        "" => "";
    "E0103" "a name that is not declared"
        "Names are declared with their shapes before they are used; near names are offered."
        "softmx(z)" => "softmax(z)";
    "E0104" "a position outside of the axis"
        "Ranges include both ends and count from the index base: an axis of n entries has 0 .. n-1, or 1 .. n."
        "sum(i=0..n, z[i])" => "sum(i=0..n-1, z[i])";
    "E0105" "an index that is free on one side only"
        "Nothing is summed silently: an index on the right that the left does not have needs a sum."
        "y[i] = V[i,j] * x[j]" => "y[i] = sum(j, V[i,j] * x[j])";
    "E0106" "an index whose range is not known"
        "An index gets its range from an axis it touches, else the range is stated."
        "def t[k] = 2*k" => "def t[k=0..3] = 2*k";
    "E0107" "an extent or a range that has no meaning"
        "Extents and the ends of ranges are whole numbers or sizes, and not negative."
        "" => "";
    "E0108" "a text inside a formula"
        "Texts stand in titles and in einsum."
        "x + \"a\"" => "einsum(\"ij,j->i\", A, x)";
    "E0109" "inf or nan to calculate with"
        "They may stand as values of a case; in a formula they would make every answer meaningless."
        "x + inf" => "case A { x = [inf, 0] }";
    "E0110" "an index over two different axes"
        "One index runs over one range, so all axes it touches have the same extent."
        "sum(i, x[i] * y[i])" => "sum(i, x[i]) * sum(j, y[j])";
    "E0111" "a condition where a number is expected"
        "Square brackets around a condition make the number that is 1 where it holds, else 0."
        "x > 0 + 1" => "[x > 0] + 1";
    "E0112" "a number where a condition is expected"
        "Conditions are comparisons, their combinations, and declared bools."
        "a if x else b" => "a if x > 0 else b";
    "E0113" "something that cannot be an index"
        "An index is a letter, a whole number, a size, a label, or one of these shifted."
        "z[0.5]" => "z[0]";
    "E0114" "an array without a shape"
        "An empty array in a formula does not say how many axes it has."
        "[]" => "zeros(0)";
    "E0115" "a function with arguments it does not take"
        "The message says how the function is written; `chainrule functions` lists all."
        "exp(x, y)" => "exp(x)";
    "E0116" "a function of whole arrays with a free index inside"
        "Functions such as inv take the array itself."
        "inv(A[i])" => "inv(A)[i,j]";
    "E0117" "a formula with a meaning in several problems"
        "Problems may share names; say which one is meant with --in or with `1.3:` before the formula."
        "" => "";
    "E0118" "an equation where one formula is asked for"
        "derive and eval answer one formula; an equation is a claim, which a file states."
        "dl/dz = z - t" => "dl/dz";
    "E0119" "an index three times in one product, with `einstein on`"
        "A repeated index is one pair that is summed; of three it cannot be told which two are meant."
        "l = a[i]*b[i]*c[i]" => "l = sum(i, a[i]*b[i]*c[i])";
    "E0120" "something that has no derivative"
        "Labels, sizes and conditions are not differentiated, nor is anything by them."
        "dl/dy" => "dl/dz";
    "E0121" "a derivative by something constant, or a label out of range"
        "What is declared const is never differentiated by; declare it var to do so."
        "" => "";
    "E0122" "a label outside of its axis"
        "Labels count from the index base of the file."
        "" => "";
    "E0123" "an array where a number is expected"
        "grad differentiates numbers; a derivative of an array is a Jacobian, dy/dx."
        "grad(softmax(z), z)" => "d(softmax(z))/dz";
    "E0124" "a derivative by a formula or a nickname"
        "Dependence goes by written names: define the formula with def, use it, then differentiate by it."
        "d(f)/d(x + y)" => "def u = x + y";
    "E0125" "a derivative whose order and denominators differ"
        "d2f has two denominators, or one that is taken twice."
        "d2f/dx dy dz" => "d2f/dx[i]dy[j]";
    "E0130" "rows of different lengths"
        "An array is rectangular: every row has as many entries as the first."
        "[[1, 2], [3]]" => "[[1, 2], [3, 4]]";
    "E0131" "a value that is no constant"
        "Values are numbers, fractions, arrays of them, eye(3), zeros(3), ones(3), inf and nan."
        "x = y" => "x = [1, 2]";
    "E0132" "a value that does not fit its declaration"
        "A value has as many axes as its name, and the sizes of one case agree."
        "" => "";
    "E0133" "a value that is too large to write down"
        "Large arrays are read from data: --data x=x.npy."
        "" => "";
    "E0134" "a value for a name that has one"
        "A definition's value follows from its formula; an input has one value in a case."
        "" => "";
    "E0301" "axes of different extents"
        "The axes that an operation joins have the same extent, for all sizes, not by chance for some."
        "V @ x" => "V' @ x";
    "E0302" "arrays of different shapes"
        "Nothing is broadcast except a number: shapes are equal, or one side is a number."
        "" => "";
    "E0303" "a product or quotient of matrices with two meanings"
        "`A * B` is the matrix product in MATLAB and Julia and elementwise in NumPy, so neither is guessed."
        "A * B" => "A @ B";
    "E0304" "a transposed vector outside of a product"
        "x' @ y is a number, but y @ x' is an outer product in MATLAB and a dot product in NumPy."
        "y @ x'" => "outer(y, x)";
    "E0305" "an array with too few or too many axes"
        "The message says how many axes there are and how many are expected."
        "s @ x" => "s * x";
    "E0306" "a reduction that does not say over which axes"
        "Over a matrix a sum could mean columns, rows or all entries."
        "sum(A)" => "sum(A, axis=0)";
    "E0307" "too few or too many arguments"
        "The message says how many are expected."
        "" => "";
    "E0308" "a number of entries that does not fit"
        "A reshaped array keeps its entries."
        "reshape(x, [2, 3])" => "reshape(x, [3, 2])";
    "E0309" "two graphs in one formula"
        "This is met only through the library: all nodes of a formula belong to one graph."
        "" => "";
    "E0310" "an array whose number of entries differs from its shape"
        "An array has as many entries as its extents multiply to."
        "" => "";
    "E0311" "a function body that reads more than its arguments"
        "This is met only through the library: what a body needs is passed in."
        "" => "";
    "E0312" "a graph in use while it is being read"
        "This is met only through the library."
        "" => "";
    "E0313" "a recurrence whose step does not fit it"
        "This is met only through the library: a step gives each carry back in its type, and reads inputs along their first axis."
        "" => "";
    "E0400" "an evaluation that is refused"
        "The message says what the evaluation met."
        "" => "";
    "E0401" "names without a value, or with one of another shape"
        "Everything that an evaluation needs is listed at once; --set and --data give values on the command line."
        "" => "";
    "E0402" "a size without a value"
        "Sizes follow from the shapes of values, or are given: case A { n = 3 }."
        "" => "";
    "W0201" "an index that hides another"
        "The bound index was renamed; taken literally, the sum would remain in the answer, which is a common slip."
        "d/dz[i] (sum(i, z[i]))" => "d/dz[i] (sum(j, z[j]))";
    "W0202" "e or pi declared as a name"
        "In this problem they are no longer the numbers."
        "var e : real" => "var err : real";
    "W0203" "a derivative by a name that is not used"
        "Dependence goes by written names, not by equal values, so the derivative is 0."
        "" => "";
    "W0302" "a product with an array of three and more axes"
        "`@` joins the last axis of the left with the first of the right; NumPy would batch instead."
        "" => "";
};

/// The record of a code; letters may be small.
///
/// ```
/// let code = chainrule_lang::codes::find("e0303").unwrap();
/// assert_eq!(code.right, "A @ B");
/// ```
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|c| c.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::CODES;
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    /// Codes in the sources of the language and in the core's table.
    fn used() -> BTreeSet<String> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut open = vec![root.join("src"), root.join("../core/src/expr/diagnostic.rs")];
        let mut found = BTreeSet::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
            } else if path.file_name().is_none_or(|name| name != "codes.rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let is_code = |c: &&str| {
                    c.len() == 5 && c.starts_with(['E', 'W']) && c[1..].bytes().all(|b| b.is_ascii_digit())
                };
                found.extend(text.split('"').filter(is_code).map(str::to_string));
            }
        }
        found
    }

    #[test]
    fn every_code_has_a_record_and_every_record_a_use() {
        let known: BTreeSet<String> = CODES.iter().map(|c| c.code.to_string()).collect();
        assert_eq!(known.len(), CODES.len());
        let used = used();
        assert!(used.len() > 50);
        assert_eq!(used.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "without a record");
        assert_eq!(known.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new(), "without a use");
    }
}
