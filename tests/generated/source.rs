//! The payload types as their source says them: names, doc comments, shapes. The schema itself stays free of any library for this,
//! so that no build of the programs pays for pages. A shape this reader does not understand is a failed test, never a guess.

use std::collections::BTreeMap;
use syn::{Attribute, Expr, ExprLit, Fields, GenericArgument, Item, Lit, Meta, PathArguments, Type};

/// A type of the schema.
pub struct Named {
    pub doc: String,
    pub shape: Shape,
}

pub enum Shape {
    Fields(Vec<Field>),
    Choice(Vec<Variant>),
    Same(String),
}

pub struct Field {
    pub name: String,
    pub doc: String,
    pub kind: Kind,
    pub optional: bool,
}

/// One member of an enum: a word, an object with one field, or (untagged) any value of that kind.
pub struct Variant {
    pub name: String,
    pub doc: String,
    pub holds: Option<Kind>,
    pub open: bool,
}

/// What a value is in JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    /// Not below zero.
    Count,
    Whole,
    Flag,
    Any,
    List(Box<Kind>),
    Named(String),
}

const FILES: &[&str] = &["data", "hook", "message", "permission", "draft", "line"];

/// All types by name.
pub fn types() -> BTreeMap<String, Named> {
    let mut all = BTreeMap::new();
    for name in FILES {
        let path = format!("{}/lib/schema/src/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        for item in syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap().items {
            let (name, attributes, shape) = match item {
                Item::Struct(s) if derives_reading(&s.attrs) => (s.ident, s.attrs, fields(s.fields)),
                Item::Enum(e) if derives_reading(&e.attrs) => {
                    let case = serde(&e.attrs).remove("rename_all").unwrap_or_default();
                    (e.ident, e.attrs, choice(e.variants.into_iter().collect(), &case))
                }
                Item::Type(t) => (t.ident, t.attrs, Shape::Same(last_segment(&t.ty))),
                _ => continue,
            };
            all.insert(name.to_string(), Named { doc: doc(&attributes), shape });
        }
    }
    all
}

fn derives_reading(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| match &a.meta {
        Meta::List(list) if a.path().is_ident("derive") => list.tokens.to_string().contains("Deserialize"),
        _ => false,
    })
}

fn fields(fields: Fields) -> Shape {
    let all = fields.into_iter().map(|f| {
        let serde = serde(&f.attrs);
        let (kind, may_lack) = kind(&f.ty);
        let own = f.ident.unwrap().to_string();
        Field {
            name: serde.get("rename").cloned().unwrap_or(own),
            doc: doc(&f.attrs),
            kind,
            optional: may_lack || serde.contains_key("default"),
        }
    });
    Shape::Fields(all.collect())
}

fn choice(variants: Vec<syn::Variant>, case: &str) -> Shape {
    let one = |v: syn::Variant| {
        let holds = match v.fields {
            Fields::Unit => None,
            Fields::Unnamed(f) if f.unnamed.len() == 1 => Some(kind(&f.unnamed[0].ty).0),
            // In a state alone, whose form is nobody else's.
            Fields::Named(_) => Some(Kind::Any),
            Fields::Unnamed(_) => panic!("{}: a variant of another shape", v.ident),
        };
        let name = match case {
            "snake_case" => snake(&v.ident.to_string()),
            "PascalCase" => v.ident.to_string(),
            _ => panic!("{}: names in another case", v.ident),
        };
        Variant { name, doc: doc(&v.attrs), holds, open: serde(&v.attrs).contains_key("untagged") }
    };
    Shape::Choice(variants.into_iter().map(one).collect())
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// What serde is told: names, with the value where there is one.
fn serde(attributes: &[Attribute]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("serde")) {
        attribute
            .parse_nested_meta(|meta| {
                let name = meta.path.get_ident().unwrap().to_string();
                let value = match meta.input.peek(syn::Token![=]) {
                    true => meta.value()?.parse::<syn::LitStr>()?.value(),
                    false => String::new(),
                };
                let known = ["default", "rename", "rename_all", "skip_serializing_if", "borrow", "untagged"];
                assert!(known.contains(&name.as_str()), "serde({name}) is not understood");
                all.insert(name, value);
                Ok(())
            })
            .unwrap();
    }
    all
}

/// The doc comment as one paragraph; links become the name they show.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|a| match &a.meta {
        Meta::NameValue(pair) if a.path().is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    let text = lines.collect::<Vec<_>>().join(" ").trim().to_owned();
    text.replace("[`crate::limits::", "[`").replace("[`crate::", "[`").replace("[`", "`").replace("`]", "`")
}

/// The kind of a field's value, and whether it may be absent by its type.
fn kind(ty: &Type) -> (Kind, bool) {
    let path = match ty {
        Type::Reference(r) => return kind(&r.elem),
        Type::Path(path) => path.path.segments.last().unwrap(),
        _ => panic!("a field of another shape"),
    };
    let inner = || match &path.arguments {
        PathArguments::AngleBracketed(all) => all
            .args
            .iter()
            .find_map(|a| match a {
                GenericArgument::Type(t) => Some(kind(t).0),
                _ => None,
            })
            .unwrap(),
        _ => panic!("{} of nothing", path.ident),
    };
    let kind = match path.ident.to_string().as_str() {
        "Option" => return (inner(), true),
        "Vec" => Kind::List(Box::new(inner())),
        "Box" | "Cow" => inner(),
        "String" | "str" => Kind::Text,
        "u64" | "u32" | "usize" => Kind::Count,
        "i64" | "i32" => Kind::Whole,
        "bool" => Kind::Flag,
        "RawValue" => Kind::Any,
        other => Kind::Named(other.to_owned()),
    };
    (kind, false)
}

fn last_segment(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.segments.last().unwrap().ident.to_string(),
        _ => panic!("an alias of another shape"),
    }
}

/// The types of events at the head of a payload's doc comment (`` `budget.exceeded` and `budget.warned`. ``), and what else it says.
pub fn events_of(doc: &str) -> (Vec<&str>, &str) {
    let mut names = Vec::new();
    let mut rest = doc;
    while let Some((name, behind)) = rest.strip_prefix('`').and_then(|r| r.split_once('`')) {
        if ace_schema::event::find(name).is_none() {
            break;
        }
        names.push(name);
        rest = behind.trim_start_matches([',', ' ']).trim_start_matches("and ");
    }
    (names, rest.trim_start_matches([':', '.', ' ']))
}

/// The payload of an event: its type's name, and what its doc comment says beside the event's name.
pub fn payload_of(types: &BTreeMap<String, Named>, event: &str) -> Option<(String, String)> {
    types.iter().find_map(|(name, named)| {
        let (events, rest) = events_of(&named.doc);
        events.contains(&event).then(|| (name.clone(), rest.to_owned()))
    })
}

#[test]
fn events_stand_at_the_head_of_a_doc_comment() {
    assert_eq!(events_of("`model.delta`: chalk."), (vec!["model.delta"], "chalk."));
    let two = "`budget.exceeded` and `budget.warned`.";
    assert_eq!(events_of(two), (vec!["budget.exceeded", "budget.warned"], ""));
    assert_eq!(events_of("A `log.blob` line.").0.len(), 0);
}
