//! Types and values: no such operator, bad text, out of range.

use std::fmt;

use super::{Fields, SqlState};

/// Types and values: no such operator, bad text, out of range.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum DataError {
    /// Division or modulo by zero.
    DivisionByZero,
    /// A number its type cannot hold; `type_name` as in the message (`integer`).
    OutOfRange { type_name: &'static str },
    /// pg_terminate_backend with a timeout below zero.
    NegativeTimeout,
    /// The result of float arithmetic is too large or too close to zero.
    FloatOutOfRange { overflow: bool },
    /// A number with more digits than `numeric` can hold.
    NumericOverflow,
    /// A date, a time or an interval its type cannot hold.
    DatetimeOutOfRange { type_name: &'static str },
    /// A date before or after all timestamps.
    DateBeyondTimestamp,
    /// `infinity` minus a date or time.
    InfiniteDifference { what: &'static str },
    /// date_bin from an infinity.
    InfiniteOrigin,
    /// date_bin by months.
    StrideOfMonths,
    /// date_bin by nothing, or backwards.
    StrideNotPositive,
    /// to_timestamp of NaN.
    TimestampNaN,
    /// to_timestamp of too many seconds.
    TimestampOutOfRange { seconds: String },
    /// make_date and the like of a date its type cannot hold.
    FieldsBeyondType { type_name: &'static str, value: String },
    /// AT TIME ZONE of an interval with months or days.
    IntervalAsZone { interval: String },
    /// Text of a date or time its type cannot hold.
    DatetimeTextOutOfRange { type_name: &'static str, text: String },
    /// Text of a number its type cannot hold.
    ValueOutOfRange { type_name: &'static str, text: String },
    /// Text of a float its type cannot hold.
    FloatTextOutOfRange { type_name: &'static str, text: String },
    /// Text that is no value of the type.
    InvalidText { type_name: &'static str, text: String },
    /// Text that is no `bytea` in its escape form.
    InvalidBytea,
    /// The text form of a row whose columns nobody knows.
    AnonymousRecord,
    /// Text that is no array; `reason` is the DETAIL.
    MalformedArray { text: String, reason: String },
    /// Text that is no date or time of the type.
    InvalidDatetime { type_name: &'static str, text: String },
    /// A field of a date or time is out of its range; `style`: another DateStyle might read it.
    DatetimeFieldOverflow { text: String, style: bool },
    /// A field of an interval is out of its range.
    IntervalFieldOverflow { text: String },
    /// A zone offset that is too large.
    ZoneDisplacement { text: String },
    /// A time zone that is not known.
    UnknownZone { name: String },
    /// The fields of make_date and the like are no date.
    FieldsOutOfRange { what: &'static str, value: String },
    /// A unit of extract or date_trunc that is not known.
    UnknownUnit { unit: String, type_name: &'static str },
    /// A unit of extract or date_trunc that the type does not have.
    UnsupportedUnit { unit: String, type_name: &'static str },
    /// Text longer than its declared length; `type_name` as `character varying(3)`.
    TooLong { type_name: String },
    /// A number that does not fit its declared precision and scale.
    NumericFieldOverflow { precision: i32, scale: i32, special: bool },
    /// NaN or an infinity where the type has none; `value` as in the message.
    CannotConvert { value: &'static str, type_name: &'static str },
    /// Bytes that are not UTF-8, or a NUL.
    InvalidBytes { bytes: Vec<u8> },
    /// A code point that is no character, or NUL.
    InvalidCharacter { code: Option<i32> },
    /// The root of a negative number, or the logarithm of one that is not positive.
    MathDomain { problem: MathProblem },
    /// An argument no function of this kind takes; the text is the whole message.
    InvalidArgument { message: String, hint: Option<&'static str> },
    /// The factorial of a negative number.
    NegativeFactorial,
    /// A division into buckets that is none; the text is the whole message.
    InvalidBucket { message: String },
    /// A picture of to_char that is none; the text is the whole message.
    InvalidPicture { message: String },
    /// EEEE in a picture that has more than digits and a point.
    ExponentPicture,
    /// A picture with a calendar's parts for an interval.
    IntervalPicture,
    /// A text that does not follow its picture; `width`: it does, but for the widths of its fields.
    PictureMismatch { message: String, detail: String, width: bool },
    /// A number in a text read by a picture that no int4 holds.
    PictureNumberOutOfRange { field: &'static str },
    /// A picture of both the Gregorian calendar and the weeks of ISO 8601.
    MixedDateConventions,
    /// An hour beyond the 12-hour clock's.
    TwelveHours { hour: i64 },
    /// A substring length below zero.
    NegativeSubstring,
    /// A pattern of SUBSTRING in more than three parts.
    TooManySeparators,
    /// A LIKE pattern that ends with its escape character.
    PatternEndsWithEscape,
    /// ESCAPE with more than one character.
    InvalidEscape,
    /// A regular expression that does not parse.
    InvalidRegex { reason: String },
    /// Array dimensions, bounds or subscripts that do not fit; the text is the whole message.
    ArraySubscript { message: &'static str },
    /// NULL where it means nothing; the text is the whole message.
    NullArgument { message: &'static str },
    /// array_append to a matrix.
    NotOneDimension,
    /// Arrays that do not fit together; their numbers of dimensions.
    IncompatibleArrays { left: usize, right: usize },
    /// trim_array of more elements than there are.
    TrimOutOfRange { most: i32 },
    /// A byte or bit that is not there.
    IndexOutOfRange { index: i64, last: i64 },
    /// A value that would be larger than one may be.
    TooLarge { message: String },
    /// A value of more than a gigabyte.
    TooManyBytes { bytes: usize },
    /// What is put together of parts and would become longer than a gigabyte.
    CannotGrow { holds: usize, more: usize },
    /// Binary data that ends too early.
    BinaryTooShort,
    /// Binary data that is no value; the text is the whole message.
    InvalidBinary { message: String },
    /// A binary array of another element type than its parameter's; the text is the message.
    WrongElementType { message: String },
    /// A type that has no form of this kind; `what` as in `no binary input function available`.
    NoForm { what: &'static str, type_name: String },
    /// Stored bytes that are not what they should be.
    Corrupted { what: &'static str },
    /// A line of COPY data beyond a gigabyte.
    CopyLineTooLong,
    /// The end of COPY data inside quotes.
    CopyUnterminatedQuote,
    /// `\\.` with something behind it.
    CopyEndMarker,
    /// `\\.` with another line break behind it than the lines before.
    CopyEndMarkerStyle,
    /// A line break of another kind than the lines before end with.
    CopyLineBreak { is_return: bool, csv: bool },
    /// A value of another kind than its type says: an error in Reckon.
    UnexpectedDatum { expected: &'static str },
}

/// Why a function of numbers has no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MathProblem {
    /// sqrt of a negative number
    NegativeRoot,
    /// ln or log of zero
    LogarithmOfZero,
    /// ln or log of a negative number
    LogarithmOfNegative,
    /// 0 ^ -1
    ZeroToNegative,
    /// (-1) ^ 0.5
    NegativeToFraction,
    /// acos(2)
    Input,
}

impl MathProblem {
    fn sqlstate(self) -> SqlState {
        match self {
            Self::LogarithmOfZero | Self::LogarithmOfNegative => SqlState::INVALID_ARGUMENT_FOR_LOG,
            Self::NegativeRoot | Self::ZeroToNegative | Self::NegativeToFraction => {
                SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION
            }
            Self::Input => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::NegativeRoot => "cannot take square root of a negative number",
            Self::LogarithmOfZero => "cannot take logarithm of zero",
            Self::LogarithmOfNegative => "cannot take logarithm of a negative number",
            Self::ZeroToNegative => "zero raised to a negative power is undefined",
            Self::NegativeToFraction => {
                "a negative number raised to a non-integer power yields a complex result"
            }
            Self::Input => "input is out of range",
        }
    }
}

impl DataError {
    /// The code clients branch on.
    #[expect(clippy::too_many_lines, reason = "one arm a code")]
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::DivisionByZero => SqlState::DIVISION_BY_ZERO,
            Self::OutOfRange { .. }
            | Self::NegativeTimeout
            | Self::FloatOutOfRange { .. }
            | Self::NumericOverflow
            | Self::NegativeFactorial
            | Self::ValueOutOfRange { .. }
            | Self::FloatTextOutOfRange { .. }
            | Self::NumericFieldOverflow { .. } => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            Self::DatetimeOutOfRange { .. }
            | Self::DatetimeTextOutOfRange { .. }
            | Self::DateBeyondTimestamp
            | Self::InfiniteDifference { .. }
            | Self::InfiniteOrigin
            | Self::StrideNotPositive
            | Self::TimestampNaN
            | Self::TimestampOutOfRange { .. }
            | Self::FieldsBeyondType { .. }
            | Self::DatetimeFieldOverflow { .. }
            | Self::PictureNumberOutOfRange { .. }
            | Self::FieldsOutOfRange { .. } => SqlState::DATETIME_FIELD_OVERFLOW,
            Self::IntervalFieldOverflow { .. } => SqlState::INTERVAL_FIELD_OVERFLOW,
            Self::ZoneDisplacement { .. } => SqlState::INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
            Self::AnonymousRecord => SqlState::FEATURE_NOT_SUPPORTED,
            Self::InvalidText { .. } | Self::InvalidBytea | Self::MalformedArray { .. } => {
                SqlState::INVALID_TEXT_REPRESENTATION
            }
            Self::InvalidDatetime { .. } => SqlState::INVALID_DATETIME_FORMAT,
            Self::UnknownZone { .. }
            | Self::IntervalAsZone { .. }
            | Self::UnknownUnit { .. }
            | Self::InvalidArgument { .. } => SqlState::INVALID_PARAMETER_VALUE,
            Self::StrideOfMonths | Self::UnsupportedUnit { .. } | Self::CannotConvert { .. } => {
                SqlState::FEATURE_NOT_SUPPORTED
            }
            Self::TooLong { .. } => SqlState::STRING_DATA_RIGHT_TRUNCATION,
            Self::InvalidBytes { .. } => SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            // An internal error in PostgreSQL, where the memory is not given.
            Self::TooManyBytes { .. }
            | Self::InvalidCharacter { .. }
            | Self::TooLarge { .. }
            | Self::CannotGrow { .. }
            | Self::CopyLineTooLong => SqlState::PROGRAM_LIMIT_EXCEEDED,
            Self::CopyUnterminatedQuote
            | Self::CopyEndMarker
            | Self::CopyEndMarkerStyle
            | Self::CopyLineBreak { .. } => SqlState::BAD_COPY_FILE_FORMAT,
            Self::MathDomain { problem } => problem.sqlstate(),
            Self::InvalidBucket { .. } => SqlState::INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
            Self::InvalidPicture { .. } | Self::ExponentPicture => SqlState::SYNTAX_ERROR,
            Self::IntervalPicture
            | Self::PictureMismatch { .. }
            | Self::MixedDateConventions
            | Self::TwelveHours { .. } => SqlState::INVALID_DATETIME_FORMAT,
            Self::NegativeSubstring => SqlState::SUBSTRING_ERROR,
            Self::TooManySeparators => SqlState::INVALID_USE_OF_ESCAPE_CHARACTER,
            Self::PatternEndsWithEscape | Self::InvalidEscape => SqlState::INVALID_ESCAPE_SEQUENCE,
            Self::InvalidRegex { .. } => SqlState::INVALID_REGULAR_EXPRESSION,
            Self::NullArgument { .. } => SqlState::NULL_VALUE_NOT_ALLOWED,
            Self::NotOneDimension => SqlState::DATA_EXCEPTION,
            Self::TrimOutOfRange { .. } => SqlState::ARRAY_ELEMENT_ERROR,
            Self::IndexOutOfRange { .. }
            | Self::IncompatibleArrays { .. }
            | Self::ArraySubscript { .. } => SqlState::ARRAY_SUBSCRIPT_ERROR,
            Self::BinaryTooShort => SqlState::PROTOCOL_VIOLATION,
            Self::InvalidBinary { .. } => SqlState::INVALID_BINARY_REPRESENTATION,
            Self::WrongElementType { .. } => SqlState::DATATYPE_MISMATCH,
            Self::NoForm { .. } => SqlState::UNDEFINED_FUNCTION,
            Self::Corrupted { .. } => SqlState::DATA_CORRUPTED,
            Self::UnexpectedDatum { .. } => SqlState::INTERNAL_ERROR,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        match self {
            Self::MalformedArray { reason, .. } if !reason.is_empty() => {
                fields.detail = Some(reason.clone());
            }
            Self::IntervalPicture => {
                fields.hint = Some("Intervals are not tied to specific calendar dates.".to_owned());
            }
            Self::CannotGrow { holds, more } => {
                fields.detail = Some(format!(
                    "Cannot enlarge string buffer containing {holds} bytes by {more} more bytes."
                ));
            }
            Self::IncompatibleArrays { left, right } => {
                let which = match left.abs_diff(*right) {
                    0 => "with differing element dimensions".to_owned(),
                    1 => "with differing dimensions".to_owned(),
                    _ => format!("of {left} and {right} dimensions"),
                };
                let detail = format!("Arrays {which} are not compatible for concatenation.");
                fields.detail = Some(detail);
            }
            Self::TwelveHours { .. } => {
                let hint = "Use the 24-hour clock, or give an hour between 1 and 12.";
                fields.hint = Some(hint.to_owned());
            }
            Self::PictureMismatch { detail, width, .. } => {
                fields.detail = Some(detail.clone()).filter(|detail| !detail.is_empty());
                let hint =
                    "If your source string is not fixed-width, try using the \"FM\" modifier.";
                fields.hint = width.then(|| hint.to_owned());
            }
            Self::ExponentPicture => {
                let detail = "\"EEEE\" may only be used together with digit and decimal point \
                              patterns.";
                fields.detail = Some(detail.to_owned());
            }
            Self::PictureNumberOutOfRange { .. } => {
                let detail = "Value must be in the range -2147483648 to 2147483647.";
                fields.detail = Some(detail.to_owned());
            }
            Self::MixedDateConventions => {
                let hint = "Do not mix Gregorian and ISO week date conventions in a formatting \
                            template.";
                fields.hint = Some(hint.to_owned());
            }
            Self::DatetimeFieldOverflow { style: true, .. } => {
                fields.hint =
                    Some("Perhaps you need a different \"datestyle\" setting.".to_owned());
            }
            Self::NumericFieldOverflow { precision, scale, special } => {
                fields.detail = Some(numeric_overflow_detail(*precision, *scale, *special));
            }
            Self::InvalidArgument { hint, .. } => fields.hint = hint.map(str::to_owned),
            Self::InvalidEscape => {
                fields.hint = Some("Escape string must be empty or one character.".to_owned());
            }
            Self::CopyLineBreak { is_return, csv } => {
                let name = line_break_name(*is_return);
                let written = match (csv, is_return) {
                    (true, _) => "quoted CSV field",
                    (false, true) => "\"\\r\"",
                    (false, false) => "\"\\n\"",
                };
                fields.hint = Some(format!("Use {written} to represent {name}."));
            }
            _ => {}
        }
        fields
    }
}

fn line_break_name(is_return: bool) -> &'static str {
    if is_return { "carriage return" } else { "newline" }
}

fn numeric_overflow_detail(precision: i32, scale: i32, special: bool) -> String {
    if special {
        return format!(
            "A field with precision {precision}, scale {scale} cannot hold an infinite value."
        );
    }
    let (power, exponent) = if precision == scale {
        ("1", String::new())
    } else {
        ("10^", format!("{}", precision - scale))
    };
    format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less \
         than {power}{exponent}."
    )
}

impl fmt::Display for DataError {
    #[expect(clippy::too_many_lines, reason = "one arm a message")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DivisionByZero => f.write_str("division by zero"),
            Self::NegativeTimeout => f.write_str("\"timeout\" must not be negative"),
            Self::OutOfRange { type_name } | Self::DatetimeOutOfRange { type_name } => {
                write!(f, "{type_name} out of range")
            }
            Self::FloatOutOfRange { overflow: true } => f.write_str("value out of range: overflow"),
            Self::FloatOutOfRange { overflow: false } => {
                f.write_str("value out of range: underflow")
            }
            Self::NegativeFactorial => f.write_str("factorial of a negative number is undefined"),
            Self::NumericOverflow => f.write_str("value overflows numeric format"),
            Self::DateBeyondTimestamp => f.write_str("date out of range for timestamp"),
            Self::InfiniteDifference { what } => write!(f, "cannot subtract infinite {what}"),
            Self::InfiniteOrigin => f.write_str("origin out of range"),
            Self::StrideOfMonths => {
                f.write_str("timestamps cannot be binned into intervals containing months or years")
            }
            Self::StrideNotPositive => f.write_str("stride must be greater than zero"),
            Self::TimestampNaN => f.write_str("timestamp cannot be NaN"),
            Self::TimestampOutOfRange { seconds } => {
                write!(f, "timestamp out of range: \"{seconds}\"")
            }
            Self::FieldsBeyondType { type_name, value } => {
                write!(f, "{type_name} out of range: {value}")
            }
            Self::IntervalAsZone { interval } => {
                write!(f, "interval time zone \"{interval}\" must not include months or days")
            }
            Self::DatetimeTextOutOfRange { type_name, text } => {
                write!(f, "{type_name} out of range: \"{text}\"")
            }
            Self::ValueOutOfRange { type_name, text } => {
                write!(f, "value \"{text}\" is out of range for type {type_name}")
            }
            Self::FloatTextOutOfRange { type_name, text } => {
                write!(f, "\"{text}\" is out of range for type {type_name}")
            }
            Self::InvalidText { type_name, text } | Self::InvalidDatetime { type_name, text } => {
                write!(f, "invalid input syntax for type {type_name}: \"{text}\"")
            }
            Self::InvalidBytea => f.write_str("invalid input syntax for type bytea"),
            Self::AnonymousRecord => {
                f.write_str("input of anonymous composite types is not implemented")
            }
            Self::MalformedArray { text, .. } => write!(f, "malformed array literal: \"{text}\""),
            Self::DatetimeFieldOverflow { text, .. } => {
                write!(f, "date/time field value out of range: \"{text}\"")
            }
            Self::IntervalFieldOverflow { text } => {
                write!(f, "interval field value out of range: \"{text}\"")
            }
            Self::ZoneDisplacement { text } => {
                write!(f, "time zone displacement out of range: \"{text}\"")
            }
            Self::UnknownZone { name } => write!(f, "time zone \"{name}\" not recognized"),
            Self::FieldsOutOfRange { what, value } => {
                write!(f, "{what} field value out of range: {value}")
            }
            Self::UnknownUnit { unit, type_name } => {
                write!(f, "unit \"{unit}\" not recognized for type {type_name}")
            }
            Self::UnsupportedUnit { unit, type_name } => {
                write!(f, "unit \"{unit}\" not supported for type {type_name}")
            }
            Self::TooLong { type_name } => write!(f, "value too long for type {type_name}"),
            Self::NumericFieldOverflow { .. } => f.write_str("numeric field overflow"),
            Self::CannotConvert { value, type_name } => {
                write!(f, "cannot convert {value} to {type_name}")
            }
            Self::InvalidBytes { bytes } => invalid_bytes(bytes, f),
            Self::InvalidCharacter { code: None } => f.write_str("null character not permitted"),
            Self::InvalidCharacter { code: Some(code) } => {
                write!(f, "requested character too large for encoding: {code}")
            }
            Self::MathDomain { problem } => f.write_str(problem.message()),
            Self::InvalidArgument { message, .. }
            | Self::TooLarge { message }
            | Self::InvalidBucket { message } => f.write_str(message),
            Self::InvalidPicture { message } | Self::PictureMismatch { message, .. } => {
                f.write_str(message)
            }
            Self::ExponentPicture => f.write_str("\"EEEE\" is incompatible with other formats"),
            Self::PictureNumberOutOfRange { field } => {
                write!(f, "value for \"{field}\" in source string is out of range")
            }
            Self::MixedDateConventions => f.write_str("invalid combination of date conventions"),
            Self::IntervalPicture => {
                f.write_str("invalid format specification for an interval value")
            }
            Self::TwelveHours { hour } => {
                write!(f, "hour \"{hour}\" is invalid for the 12-hour clock")
            }
            Self::NegativeSubstring => f.write_str("negative substring length not allowed"),
            Self::TooManySeparators => f.write_str(
                "SQL regular expression may not contain more than two escape-double-quote separators",
            ),
            Self::PatternEndsWithEscape => {
                f.write_str("LIKE pattern must not end with escape character")
            }
            Self::InvalidEscape => f.write_str("invalid escape string"),
            Self::InvalidRegex { reason } => write!(f, "invalid regular expression: {reason}"),
            Self::NotOneDimension => f.write_str("argument must be empty or one-dimensional array"),
            Self::IncompatibleArrays { .. } => {
                f.write_str("cannot concatenate incompatible arrays")
            }
            Self::TrimOutOfRange { most } => {
                write!(f, "number of elements to trim must be between 0 and {most}")
            }
            Self::IndexOutOfRange { index, last } => {
                write!(f, "index {index} out of valid range, 0..{last}")
            }
            Self::NullArgument { message } | Self::ArraySubscript { message } => {
                f.write_str(message)
            }
            Self::TooManyBytes { bytes } => {
                write!(f, "invalid memory alloc request size {bytes}")
            }
            Self::CannotGrow { .. } => f.write_str("out of memory"),
            Self::BinaryTooShort => f.write_str("insufficient data left in message"),
            Self::InvalidBinary { message } | Self::WrongElementType { message } => {
                f.write_str(message)
            }
            Self::NoForm { what, type_name } => {
                write!(f, "no {what} available for type {type_name}")
            }
            Self::Corrupted { what } => write!(f, "stored bytes are not {what}"),
            Self::CopyLineTooLong => f.write_str("line of COPY data is too long"),
            Self::CopyEndMarker => f.write_str("end-of-copy marker corrupt"),
            Self::CopyEndMarkerStyle => {
                f.write_str("end-of-copy marker does not match previous newline style")
            }
            Self::CopyLineBreak { is_return, csv } => {
                let where_found = if *csv { "unquoted" } else { "literal" };
                write!(f, "{where_found} {} found in data", line_break_name(*is_return))
            }
            Self::CopyUnterminatedQuote => f.write_str("unterminated CSV quoted field"),
            Self::UnexpectedDatum { expected } => {
                write!(f, "a value is not of its type: expected {expected}")
            }
        }
    }
}

fn invalid_bytes(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("invalid byte sequence for encoding \"UTF8\":")?;
    bytes.iter().try_for_each(|byte| write!(f, " 0x{byte:02x}"))
}
