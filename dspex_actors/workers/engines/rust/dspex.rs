// What a guest's program has of its host: its variables, the tools, and how it gives its value. Values cross
// as JSON. It is the crate `dspex`.

#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::{Debug, Write};
use std::hash::Hash;

#[cfg(not(target_arch = "wasm32"))]
mod host;

#[cfg(target_arch = "wasm32")]
mod host {
    #[link(wasm_import_module = "dspex")]
    extern "C" {
        pub fn variable(name: *const u8, length: usize) -> i32;
        pub fn call(name: *const u8, length: usize, args: *const u8, size: usize) -> i32;
        pub fn read(to: *mut u8);
        pub fn result(text: *const u8, length: usize);
        pub fn fail(
            kind: *const u8,
            kind_length: usize,
            message: *const u8,
            message_length: usize,
            place: *const u8,
            place_length: usize,
        );
    }
}

/// Any value that crosses. Whole numbers are of 128 bits.
pub enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

/// What can be the value of a program or an argument of a tool.
pub trait Give {
    /// Appends the value, as JSON.
    fn give(&self, out: &mut String);

    /// What went wrong, for the `Err` of a `Result`.
    fn error(&self) -> Option<String> {
        None
    }
}

/// What a variable or the answer of a tool can be taken as.
pub trait Take: Sized {
    /// Returns the value, or what it is instead.
    fn take(value: Value) -> Result<Self, String>;
}

/// Returns a variable of the execution. Panics if there is none, or if it is something else.
#[track_caller]
pub fn variable<T: Take>(name: &str) -> T {
    let length = unsafe { host::variable(name.as_ptr(), name.len()) };
    if length < 0 {
        panic!("there is no variable {}", name);
    }
    taken(length as usize, &format!("the variable {}", name))
}

/// Calls a tool of the execution. The arguments are a tuple or a list.
#[track_caller]
pub fn call<T: Take>(name: &str, args: impl Give) -> T {
    let mut text = String::new();
    args.give(&mut text);
    if text == "null" {
        text = "[]".to_string();
    }
    let length = unsafe { host::call(name.as_ptr(), name.len(), text.as_ptr(), text.len()) };
    taken(length as usize, &format!("the answer of {}", name))
}

/// Gives the value of the execution. The last one counts.
pub fn result(value: impl Give) {
    if let Some(error) = value.error() {
        let (kind, place) = ("Err", "");
        unsafe {
            host::fail(
                kind.as_ptr(),
                kind.len(),
                error.as_ptr(),
                error.len(),
                place.as_ptr(),
                place.len(),
            )
        }
    }
    let mut text = String::new();
    value.give(&mut text);
    unsafe { host::result(text.as_ptr(), text.len()) }
}

#[track_caller]
fn taken<T: Take>(length: usize, what: &str) -> T {
    let mut text = vec![0u8; length];
    unsafe { host::read(text.as_mut_ptr()) }
    let mut reader = Reader { text: &text, at: 0 };
    match reader.value().and_then(T::take) {
        Ok(value) => value,
        Err(reason) => panic!("{}: {}", what, reason),
    }
}

impl Value {
    fn refuse<T>(&self, what: &str) -> Result<T, String> {
        let mut text = String::new();
        self.give(&mut text);
        text.push(' ');
        text.push_str(what);
        Err(text)
    }
}

// -- giving

impl Give for Value {
    fn give(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => value.give(out),
            Value::Int(value) => value.give(out),
            Value::Float(value) => value.give(out),
            Value::Text(value) => value.give(out),
            Value::List(value) => value.give(out),
            Value::Map(value) => give_pairs(value.iter().map(|(key, value)| (key, value)), out),
        }
    }
}

impl Give for () {
    fn give(&self, out: &mut String) {
        out.push_str("null");
    }
}

impl Give for bool {
    fn give(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

macro_rules! whole {
    ($($kind:ty)*) => {$(
        impl Give for $kind {
            fn give(&self, out: &mut String) {
                let _ = write!(out, "{}", self);
            }
        }
        impl Take for $kind {
            fn take(value: Value) -> Result<Self, String> {
                match value {
                    Value::Int(number) => <$kind>::try_from(number).or_else(|_| Value::Int(number).refuse("is out of range")),
                    other => other.refuse("is no whole number"),
                }
            }
        }
    )*};
}
whole!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize);

impl Give for u128 {
    fn give(&self, out: &mut String) {
        let _ = write!(out, "{}", self);
    }
}

macro_rules! real {
    ($($kind:ty)*) => {$(
        impl Give for $kind {
            fn give(&self, out: &mut String) {
                let _ = match self {
                    _ if self.is_nan() => write!(out, "NaN"),
                    _ if self.is_infinite() => write!(out, "{}Infinity", if *self < 0.0 { "-" } else { "" }),
                    _ => write!(out, "{:?}", self),
                };
            }
        }
        impl Take for $kind {
            fn take(value: Value) -> Result<Self, String> {
                match value {
                    Value::Float(number) => Ok(number as $kind),
                    Value::Int(number) => Ok(number as $kind),
                    other => other.refuse("is no number"),
                }
            }
        }
    )*};
}
real!(f32 f64);

impl Give for str {
    fn give(&self, out: &mut String) {
        out.push('"');
        for letter in self.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                letter if (letter as u32) < 0x20 => {
                    let _ = write!(out, "\\u{:04x}", letter as u32);
                }
                letter => out.push(letter),
            }
        }
        out.push('"');
    }
}

impl Give for String {
    fn give(&self, out: &mut String) {
        self.as_str().give(out);
    }
}

impl Give for char {
    fn give(&self, out: &mut String) {
        self.to_string().give(out);
    }
}

impl<T: Give + ?Sized> Give for &T {
    fn give(&self, out: &mut String) {
        (**self).give(out);
    }
}

impl<T: Give + ?Sized> Give for Box<T> {
    fn give(&self, out: &mut String) {
        (**self).give(out);
    }
}

impl<T: Give> Give for Option<T> {
    fn give(&self, out: &mut String) {
        match self {
            Some(value) => value.give(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Give, E: Debug> Give for Result<T, E> {
    fn give(&self, out: &mut String) {
        if let Ok(value) = self {
            value.give(out);
        }
    }

    fn error(&self) -> Option<String> {
        self.as_ref().err().map(|error| format!("{:?}", error))
    }
}

fn give_all<T: Give>(values: impl Iterator<Item = T>, out: &mut String) {
    out.push('[');
    for (place, value) in values.enumerate() {
        if place > 0 {
            out.push(',');
        }
        value.give(out);
    }
    out.push(']');
}

fn give_pairs<K: AsRef<str>, T: Give>(pairs: impl Iterator<Item = (K, T)>, out: &mut String) {
    out.push('{');
    for (place, (key, value)) in pairs.enumerate() {
        if place > 0 {
            out.push(',');
        }
        key.as_ref().give(out);
        out.push(':');
        value.give(out);
    }
    out.push('}');
}

impl<T: Give> Give for [T] {
    fn give(&self, out: &mut String) {
        give_all(self.iter(), out);
    }
}

impl<T: Give, const N: usize> Give for [T; N] {
    fn give(&self, out: &mut String) {
        give_all(self.iter(), out);
    }
}

impl<T: Give> Give for Vec<T> {
    fn give(&self, out: &mut String) {
        give_all(self.iter(), out);
    }
}

impl<T: Give> Give for HashSet<T> {
    fn give(&self, out: &mut String) {
        give_all(self.iter(), out);
    }
}

impl<T: Give> Give for BTreeSet<T> {
    fn give(&self, out: &mut String) {
        give_all(self.iter(), out);
    }
}

impl<K: AsRef<str>, T: Give> Give for HashMap<K, T> {
    fn give(&self, out: &mut String) {
        give_pairs(self.iter(), out);
    }
}

impl<K: AsRef<str>, T: Give> Give for BTreeMap<K, T> {
    fn give(&self, out: &mut String) {
        give_pairs(self.iter(), out);
    }
}

// -- taking

impl Take for Value {
    fn take(value: Value) -> Result<Self, String> {
        Ok(value)
    }
}

impl Take for () {
    fn take(_: Value) -> Result<Self, String> {
        Ok(())
    }
}

impl Take for bool {
    fn take(value: Value) -> Result<Self, String> {
        match value {
            Value::Bool(value) => Ok(value),
            other => other.refuse("is not true or false"),
        }
    }
}

impl Take for String {
    fn take(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text),
            other => other.refuse("is no text"),
        }
    }
}

impl<T: Take> Take for Option<T> {
    fn take(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            other => T::take(other).map(Some),
        }
    }
}

fn items(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::List(values) => Ok(values),
        other => other.refuse("is no list"),
    }
}

fn pairs(value: Value) -> Result<Vec<(String, Value)>, String> {
    match value {
        Value::Map(values) => Ok(values),
        other => other.refuse("is no map"),
    }
}

impl<T: Take> Take for Vec<T> {
    fn take(value: Value) -> Result<Self, String> {
        items(value)?.into_iter().map(T::take).collect()
    }
}

impl<T: Take + Ord> Take for BTreeSet<T> {
    fn take(value: Value) -> Result<Self, String> {
        items(value)?.into_iter().map(T::take).collect()
    }
}

impl<T: Take + Eq + Hash> Take for HashSet<T> {
    fn take(value: Value) -> Result<Self, String> {
        items(value)?.into_iter().map(T::take).collect()
    }
}

impl<T: Take> Take for BTreeMap<String, T> {
    fn take(value: Value) -> Result<Self, String> {
        pairs(value)?.into_iter().map(|(key, value)| Ok((key, T::take(value)?))).collect()
    }
}

impl<T: Take> Take for HashMap<String, T> {
    fn take(value: Value) -> Result<Self, String> {
        pairs(value)?.into_iter().map(|(key, value)| Ok((key, T::take(value)?))).collect()
    }
}

macro_rules! tuple {
    ($($name:ident $place:tt),+; $count:literal) => {
        impl<$($name: Give),+> Give for ($($name,)+) {
            fn give(&self, out: &mut String) {
                let parts: [&dyn Give; $count] = [$(&self.$place),+];
                give_all(parts.iter(), out);
            }
        }
        impl<$($name: Take),+> Take for ($($name,)+) {
            fn take(value: Value) -> Result<Self, String> {
                let mut values = items(value)?.into_iter();
                let taken = ($({ let next = values.next().ok_or("a value is missing")?; $name::take(next)? },)+);
                if values.next().is_some() { Err("there are more values".to_string()) } else { Ok(taken) }
            }
        }
    };
}
tuple!(A 0; 1);
tuple!(A 0, B 1; 2);
tuple!(A 0, B 1, C 2; 3);
tuple!(A 0, B 1, C 2, D 3; 4);
tuple!(A 0, B 1, C 2, D 3, E 4; 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5; 6);

// -- JSON, as the host writes it

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn skip(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            b'"' => self.string().map(Value::Text),
            b'[' => self.list(),
            b'{' => self.map(),
            _ if self.skip("null") => Ok(Value::Null),
            _ if self.skip("true") => Ok(Value::Bool(true)),
            _ if self.skip("false") => Ok(Value::Bool(false)),
            _ if self.skip("NaN") => Ok(Value::Float(f64::NAN)),
            _ if self.skip("Infinity") => Ok(Value::Float(f64::INFINITY)),
            _ if self.skip("-Infinity") => Ok(Value::Float(f64::NEG_INFINITY)),
            _ => self.number(),
        }
    }

    fn list(&mut self) -> Result<Value, String> {
        let mut values = Vec::new();
        self.at += 1;
        while self.peek() != b']' {
            values.push(self.value()?);
            self.skip(",");
        }
        self.at += 1;
        Ok(Value::List(values))
    }

    fn map(&mut self) -> Result<Value, String> {
        let mut values = Vec::new();
        self.at += 1;
        while self.peek() != b'}' {
            let key = self.string()?;
            self.skip(":");
            values.push((key, self.value()?));
            self.skip(",");
        }
        self.at += 1;
        Ok(Value::Map(values))
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        while matches!(self.peek(), b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).unwrap_or("");
        let whole = !text.contains(|letter| matches!(letter, '.' | 'e' | 'E'));
        let number = if whole { text.parse().map(Value::Int).ok() } else { text.parse().map(Value::Float).ok() };
        number.ok_or_else(|| format!("{:?} is no number that fits", text))
    }

    fn string(&mut self) -> Result<String, String> {
        let mut bytes = Vec::new();
        self.at += 1;
        loop {
            match self.peek() {
                b'"' => break,
                0 if self.at >= self.text.len() => return Err("the text does not end".to_string()),
                b'\\' => self.escape(&mut bytes)?,
                byte => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        String::from_utf8(bytes).map_err(|_| "a text that is no Unicode".to_string())
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), String> {
        self.at += 2;
        match self.text.get(self.at - 1).copied().unwrap_or(0) {
            b'n' => bytes.push(b'\n'),
            b't' => bytes.push(b'\t'),
            b'r' => bytes.push(b'\r'),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4).and_then(|four| std::str::from_utf8(four).ok());
                let code = digits.and_then(|four| u32::from_str_radix(four, 16).ok()).and_then(char::from_u32);
                let letter = code.ok_or_else(|| "a text that is no Unicode".to_string())?;
                bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                self.at += 4;
            }
            other => bytes.push(other),
        }
        Ok(())
    }
}
