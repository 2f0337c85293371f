//! The functions that a policy may call: those of a list, each of which ends soon and whose result is not much longer than what it was
//! given. What is not on it is refused at intake, whatever it is and whenever it came.

use chancery_domain::enforced;
use regorus::{Engine, Value};

/// Longest text, in bytes, and longest list that a function makes.
const LONGEST: usize = 64 * 1024;

/// Functions of the interpreter's own. None of them reads a clock, randomness, the network or the machine.
pub(crate) const ALLOWED: &[&str] = &[
    "abs",
    "array.reverse",
    "array.slice",
    "ceil",
    "contains",
    "count",
    "endswith",
    "floor",
    "glob.match",
    "indexof",
    "intersection",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "lower",
    "max",
    "min",
    "object.get",
    "object.keys",
    "regex.match",
    "round",
    "sort",
    "split",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "strings.count",
    "substring",
    "sum",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "upper",
];

/// Functions that stand in for the interpreter's own of the same name, which would make a text or list of any length in one step.
pub(crate) const BOUNDED: &[&str] = &["array.concat", "concat", "replace", "sprintf"];

/// Whether a policy may call it.
pub(crate) fn is_allowed(name: &str) -> bool {
    ALLOWED.contains(&name) || BOUNDED.contains(&name)
}

/// Puts the bounded functions in.
pub(crate) fn add_to(engine: &mut Engine) -> anyhow::Result<()> {
    let mut add = |name: &str, arguments: u8, function: fn(Vec<Value>) -> anyhow::Result<Value>| {
        engine.add_extension(name.to_owned(), arguments, Box::new(function))
    };
    add("array.concat", 2, array_concat)?;
    add("concat", 2, concat)?;
    add("replace", 3, replace)?;
    add("sprintf", 2, sprintf)
}

fn array_concat(given: Vec<Value>) -> anyhow::Result<Value> {
    let [left, right] = arguments("array.concat", given)?;
    let (left, right) = (left.as_array()?, right.as_array()?);
    within("array.concat", left.len().saturating_add(right.len()))?;
    Ok(Value::from(left.iter().chain(right.iter()).cloned().collect::<Vec<_>>()))
}

fn concat(given: Vec<Value>) -> anyhow::Result<Value> {
    let [between, parts] = arguments("concat", given)?;
    let between = between.as_string()?;
    let parts: Vec<&Value> = match &parts {
        Value::Array(parts) => parts.iter().collect(),
        Value::Set(parts) => parts.iter().collect(),
        _ => anyhow::bail!("concat wants a list or a set of texts"),
    };
    let mut text = String::new();
    for (place, part) in parts.into_iter().enumerate() {
        let (between, part) = (if place == 0 { "" } else { &**between }, part.as_string()?);
        within("concat", text.len().saturating_add(between.len()).saturating_add(part.len()))?;
        text.push_str(between);
        text.push_str(part);
    }
    Ok(Value::from(text))
}

fn replace(given: Vec<Value>) -> anyhow::Result<Value> {
    let [text, old, new] = arguments("replace", given)?;
    let (text, old, new) = (text.as_string()?, old.as_string()?, new.as_string()?);
    let places = text.matches(&**old).count();
    within("replace", text.len().saturating_add(places.saturating_mul(new.len())))?;
    Ok(Value::from(text.replace(&**old, new)))
}

/// With `%s`, `%d` and `%v`, and `%%` for a percent sign: no widths, no flags.
fn sprintf(given: Vec<Value>) -> anyhow::Result<Value> {
    let [format, values] = arguments("sprintf", given)?;
    let (format, values) = (format.as_string()?, values.as_array()?);
    let mut values = values.iter();
    let mut text = String::new();
    let mut pieces = format.split('%');
    text.push_str(pieces.next().unwrap_or_default());
    while let Some(piece) = pieces.next() {
        let mut letters = piece.chars();
        match letters.next() {
            // Two percent signs in a row leave nothing between them; what follows the second is text.
            None => {
                text.push('%');
                text.push_str(pieces.next().ok_or_else(|| anyhow::anyhow!("sprintf: a % at the end: write %%"))?);
            }
            Some(verb @ ('s' | 'd' | 'v')) => {
                let value = values.next().ok_or_else(|| anyhow::anyhow!("sprintf: fewer values than places"))?;
                write(value, verb, &mut text, 0)?;
                text.push_str(letters.as_str());
            }
            Some(other) => anyhow::bail!("sprintf: %{other} is not among %s, %d, %v and %%"),
        }
        within("sprintf", text.len())?;
    }
    match values.next() {
        None => Ok(Value::from(text)),
        Some(_) => anyhow::bail!("sprintf: more values than places"),
    }
}

/// Writes a value as Rego does: a text as it is, within something else in quotes.
fn write(value: &Value, verb: char, text: &mut String, depth: usize) -> anyhow::Result<()> {
    within("sprintf", text.len())?;
    match value {
        Value::String(value) if verb != 'd' && depth == 0 => {
            within("sprintf", text.len().saturating_add(value.len()))?;
            text.push_str(value);
        }
        Value::String(value) if verb != 'd' => {
            within("sprintf", text.len().saturating_add(value.len()))?;
            text.push_str(&serde_json::to_string(&**value)?);
        }
        Value::Number(number) => text.push_str(&number.format_decimal()),
        Value::Bool(value) if verb == 'v' => text.push_str(if *value { "true" } else { "false" }),
        Value::Null if verb == 'v' => text.push_str("null"),
        Value::Array(items) if verb == 'v' => list(items.iter(), ('[', ']'), text, depth)?,
        Value::Set(items) if verb == 'v' => list(items.iter(), ('{', '}'), text, depth)?,
        _ => anyhow::bail!("sprintf: %{verb} does not write this kind of value"),
    }
    Ok(())
}

fn list<'a>(items: impl Iterator<Item = &'a Value>, (open, close): (char, char), text: &mut String, depth: usize) -> anyhow::Result<()> {
    text.push(open);
    for (place, item) in items.enumerate() {
        if place > 0 {
            text.push_str(", ");
        }
        write(item, 'v', text, depth.saturating_add(1))?;
    }
    text.push(close);
    Ok(())
}

fn arguments<const N: usize>(name: &str, given: Vec<Value>) -> anyhow::Result<[Value; N]> {
    given.try_into().map_err(|_| anyhow::anyhow!("{name} wants {N} arguments"))
}

fn within(name: &str, length: usize) -> anyhow::Result<()> {
    anyhow::ensure!(length <= LONGEST || !enforced!("policy.length"), "{name} would make something longer than {LONGEST}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: &str, values: &str) -> Result<String, String> {
        let values = Value::from_json_str(values).unwrap();
        match sprintf(vec![Value::from(format), values]) {
            Ok(value) => Ok(value.as_string().unwrap().to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn sprintf_writes_what_rego_does() {
        assert_eq!(written("%s is %d days", r#"["a", 47]"#).unwrap(), "a is 47 days");
        assert_eq!(written("%v %v %v %v", r#"["a", 1.5, true, null]"#).unwrap(), "a 1.5 true null");
        assert_eq!(written("%v", r#"[["a", 1, ["b"]]]"#).unwrap(), r#"["a", 1, ["b"]]"#);
        assert_eq!(written("100%% of %s%%", r#"["x"]"#).unwrap(), "100% of x%");
        assert_eq!(written("", "[]").unwrap(), "");
        for (format, values) in [("%s", "[]"), ("x", "[1]"), ("%10000000d", "[1]"), ("%d", r#"["a"]"#), ("%q", r#"["a"]"#), ("x%", "[]")] {
            assert!(written(format, values).is_err(), "{format}");
        }
    }

    #[test]
    fn nothing_longer_than_the_limit_is_made() {
        let long = Value::from("x".repeat(LONGEST / 2 + 1));
        let (twice, nothing) = (Value::from(vec![long.clone(), long.clone()]), Value::from(""));
        assert!(concat(vec![nothing.clone(), twice.clone()]).is_err());
        assert!(concat(vec![nothing.clone(), Value::from(vec![long.clone()])]).is_ok());
        assert!(sprintf(vec![Value::from("%s%s"), twice.clone()]).is_err());
        assert!(sprintf(vec![Value::from("%v"), Value::from(vec![twice])]).is_err());
        assert!(replace(vec![long.clone(), nothing, Value::from("yy")]).is_err());
        let many = Value::from(vec![Value::Null; LONGEST / 2 + 1]);
        assert!(array_concat(vec![many.clone(), many]).is_err());
    }

    /// Of each function that the interpreter has, in this build, it is decided here; a new one fails until it is.
    #[test]
    fn every_function_of_the_interpreter_is_known() {
        let refused = [
            "__builtin_sets.intersection",
            "__builtin_sets.union",
            "bits.and",
            "bits.lsh",
            "bits.negate",
            "bits.or",
            "bits.rsh",
            "bits.xor",
            "format_int",
            "glob.quote_meta",
            "indexof_n",
            "json.filter",
            "json.is_valid",
            "json.marshal",
            "json.marshal_with_options",
            "json.remove",
            "json.unmarshal",
            "numbers.range",
            "numbers.range_step",
            "object.filter",
            "object.remove",
            "object.subset",
            "object.union",
            "object.union_n",
            "product",
            "regex.find_all_string_submatch_n",
            "regex.find_n",
            "regex.is_valid",
            "regex.replace",
            "regex.split",
            "regex.template_match",
            "strings.replace_n",
            "strings.reverse",
            "to_number",
            "trace",
            "units.parse",
            "units.parse_bytes",
        ];
        let mut offered: Vec<&str> = regorus::unstable::BUILTINS.keys().copied().collect();
        offered.retain(|name| !refused.contains(name));
        offered.sort_unstable();
        let mut allowed = [ALLOWED, BOUNDED].concat();
        allowed.sort_unstable();
        assert_eq!(offered, allowed);
        for name in ["time.now_ns", "rand.intn", "uuid.rfc4122", "http.send", "opa.runtime", "net.cidr_expand", "yaml.unmarshal"] {
            assert!(!regorus::unstable::BUILTINS.contains_key(name), "{name} is not even in this build");
        }
    }
}
