//! Random statements over columns of many types: arithmetic, casts, comparisons between types,
//! outer joins, set operations that have to find a common type, WITH, and changes with subqueries.
//!
//! What may fail fails for every order of evaluation, or not at all.

use reckon_tests::random::Random;

/// Makes statements.
pub(crate) struct Typed {
    random: Random,
    made: usize,
}

/// What an expression is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Number,
    Date,
    Time,
    Span,
    Text,
    Truth,
}

const CLASSES: [Class; 6] =
    [Class::Number, Class::Date, Class::Time, Class::Span, Class::Text, Class::Truth];

/// Columns of both tables, by class.
fn columns(class: Class) -> &'static [&'static str] {
    match class {
        Class::Number => &["id", "n", "f", "i2", "i8"],
        Class::Date => &["d"],
        Class::Time => &["ts", "tz::timestamp"],
        Class::Span => &["iv"],
        Class::Text => &["c", "vc", "t"],
        Class::Truth => &["q"],
    }
}

/// Aliases in reach; all tables have the same columns.
type Scope = Vec<String>;

impl Typed {
    pub(crate) fn new(seed: u64) -> Typed {
        Typed { random: Random::new(seed), made: 0 }
    }

    /// The statements that make and fill the tables.
    pub(crate) fn tables(&mut self) -> Vec<String> {
        let columns = "n numeric(8,2), f float8, i2 int2, i8 int8, d date, ts timestamp, \
                       tz timestamptz, iv interval, c char(3), vc varchar(6), t text, q bool";
        let mut made = vec![
            "set timezone = 'Europe/Berlin'".to_owned(),
            format!("create table v1 (id int primary key, {columns})"),
            format!("create table v2 (id int, {columns})"),
            "create index on v1 (d, n desc)".to_owned(),
            "create index on v2 (c)".to_owned(),
            "create index on v2 (ts, q)".to_owned(),
        ];
        for id in 0..18 {
            for table in ["v1", "v2"] {
                let row = ["n", "f", "i2", "i8", "d", "ts", "tz", "iv", "c", "vc", "t", "q"];
                let row = row.map(|column| self.stored(column)).join(", ");
                made.push(format!("insert into {table} values ({id}, {row})"));
            }
        }
        made
    }

    /// A value to store in a column.
    fn stored(&mut self, column: &str) -> String {
        if self.chance(18) {
            return "null".to_owned();
        }
        let day = 1 + self.random.below(28);
        match column {
            "n" => format!("{}.{}", self.random.below(40) as i32 - 10, self.random.below(4) * 25),
            "f" => self.one(&["0", "1.5", "-2.25", "100", "'NaN'", "0.5", "-0"]).to_owned(),
            "i2" | "i8" => (self.random.below(14) as i32 - 4).to_string(),
            "d" => format!("'2024-0{}-{day:02}'", 1 + self.random.below(3)),
            "ts" | "tz" => format!("'2024-03-{day:02} {:02}:30'", self.random.below(24)),
            "iv" => self
                .one(&["'1 day'", "'24 hours'", "'1 mon'", "'30 days'", "'-2:30'", "'0'"])
                .to_owned(),
            "q" => self.one(&["true", "false"]).to_owned(),
            _ => self.one(&["'a'", "'ab'", "'B'", "''", "'a_'", "'x%'"]).to_owned(),
        }
    }

    /// The next statement.
    pub(crate) fn statement(&mut self) -> String {
        match self.random.below(20) {
            0..3 => self.change(),
            3..6 => self.set_operation(),
            6..8 => self.with(),
            8..13 => self.groups(),
            _ => self.select(),
        }
    }

    fn one<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[self.random.below(choices.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.random.below(100) < percent
    }

    fn table(&mut self) -> (&'static str, String) {
        self.made += 1;
        (self.one(&["v1", "v2"]), format!("r{}", self.made))
    }

    fn class(&mut self) -> Class {
        *self.random.choose(&CLASSES)
    }

    fn column(&mut self, class: Class, scope: &Scope) -> String {
        let alias = self.random.choose(scope).clone();
        format!("{alias}.{}", self.one(columns(class)))
    }

    /// A literal, with its type or without one.
    fn literal(&mut self, class: Class) -> String {
        let literals: &[&str] = match class {
            Class::Number => &["1", "2.50", "-3", "0::int2", "7::int8", "1.5::float8", "null::int"],
            Class::Date => &["date '2024-02-05'", "'2024-01-31'::date", "null::date"],
            Class::Time => &["timestamp '2024-03-31 02:30'", "'2024-03-10 12:30'::timestamp"],
            Class::Span => &["interval '1 month'", "'36:00'::interval", "interval '-1 day'"],
            Class::Text => {
                &["'a'::text", "'ab'::varchar", "'a '::char(3)", "null::text", "'B'::text"]
            }
            Class::Truth => &["true", "false", "null::bool"],
        };
        self.one(literals).to_owned()
    }

    fn value(&mut self, class: Class, scope: &Scope, depth: usize) -> String {
        if depth == 0 || self.chance(35) {
            return match self.random.below(4) {
                0 => self.literal(class),
                _ => self.column(class, scope),
            };
        }
        match self.random.below(7) {
            0 => {
                let (one, other) = (self.value(class, scope, 0), self.value(class, scope, 0));
                format!("{}({one}, {other})", self.one(&["coalesce", "nullif"]))
            }
            1 if class != Class::Truth => {
                let (one, other) = (self.value(class, scope, 0), self.value(class, scope, 0));
                format!("{}({one}, {other})", self.one(&["greatest", "least"]))
            }
            2 => {
                let condition = self.condition(scope, depth - 1);
                let (yes, no) = (self.value(class, scope, 0), self.value(class, scope, depth - 1));
                format!("case when {condition} then {yes} else {no} end")
            }
            3 if class != Class::Truth => self.scalar_subquery(class, scope, depth),
            _ => self.computed(class, scope, depth - 1),
        }
    }

    /// A value in a form that all values equal to it share: what comes out of DISTINCT or is the
    /// first of a sort would else depend on the order of rows.
    fn plain(&mut self, class: Class, scope: &Scope, depth: usize) -> String {
        let value = self.value(class, scope, depth);
        match class {
            Class::Number => format!("round(({value})::numeric, 3)"),
            Class::Span => format!("extract(epoch from {value})"),
            Class::Text => format!("trim({value})"),
            Class::Date | Class::Time | Class::Truth => value,
        }
    }

    fn computed(&mut self, class: Class, scope: &Scope, depth: usize) -> String {
        let value = self.value(class, scope, depth);
        let other = self.value(class, scope, 0);
        match class {
            Class::Number => match self.random.below(7) {
                0 => format!("({value} {} {other})", self.one(&["+", "-"])),
                1 => format!("({value} * 2)"),
                2 => format!("abs({value})"),
                3 => format!("length({})", self.value(Class::Text, scope, depth)),
                4 => format!("extract(day from {})", self.value(Class::Date, scope, depth)),
                5 => format!(
                    "({} - {})",
                    self.value(Class::Date, scope, 0),
                    self.value(Class::Date, scope, 0)
                ),
                _ => format!("round(({value})::numeric, 1)"),
            },
            Class::Date => match self.random.below(3) {
                0 => format!("({value} + {})", self.one(&["1", "30", "-2"])),
                1 => format!("({})::date", self.value(Class::Time, scope, depth)),
                _ => format!("date_trunc('month', {value})::date"),
            },
            Class::Time => match self.random.below(4) {
                0 => format!("({value} + {})", self.value(Class::Span, scope, 0)),
                1 => format!("({})::timestamp", self.value(Class::Date, scope, depth)),
                2 => format!("date_trunc('{}', {value})", self.one(&["day", "hour", "week"])),
                _ => format!(
                    "({} + {})",
                    self.value(Class::Date, scope, 0),
                    self.value(Class::Span, scope, 0)
                ),
            },
            Class::Span => match self.random.below(3) {
                0 => format!(
                    "({} - {})",
                    self.value(Class::Time, scope, 0),
                    self.value(Class::Time, scope, 0)
                ),
                1 => format!("({value} + {other})"),
                _ => format!("({value} * 2)"),
            },
            Class::Text => match self.random.below(5) {
                0 => format!("({value} || {other})"),
                1 => format!("{}({value})", self.one(&["upper", "trim", "reverse"])),
                2 => format!("substr({value}, 1, {})", self.random.below(3)),
                3 => format!("({})::text", self.column(Class::Date, scope)),
                _ => format!("replace({value}, 'a', {other})"),
            },
            Class::Truth => format!("({})", self.condition(scope, depth)),
        }
    }

    fn scalar_subquery(&mut self, class: Class, scope: &Scope, depth: usize) -> String {
        let (from, inner) = self.inside(scope);
        let value = self.value(class, &vec![inner[inner.len() - 1].clone()], 0);
        let condition = self.condition(&inner, depth - 1);
        format!("(select {}({value}) from {from} where {condition})", self.one(&["max", "min"]))
    }

    /// One more table inside of a subquery, and what it sees.
    fn inside(&mut self, scope: &Scope) -> (String, Scope) {
        let (table, alias) = self.table();
        let mut inner = if self.chance(60) { scope.clone() } else { Scope::new() };
        inner.push(alias.clone());
        (format!("{table} {alias}"), inner)
    }

    fn condition(&mut self, scope: &Scope, depth: usize) -> String {
        let class = self.class();
        let inner = depth.saturating_sub(1);
        let left = self.value(class, scope, inner);
        match self.random.below(if depth == 0 { 8 } else { 15 }) {
            0..5 => {
                let right = self.value(class, scope, inner);
                format!("{left} {} {right}", self.one(&["=", "<", ">", "<=", ">=", "<>"]))
            }
            5 => format!("({left}) is {}null", self.one(&["", "not "])),
            6 => format!("{left} between {} and {}", self.literal(class), self.literal(class)),
            7 => {
                let text = self.value(Class::Text, scope, 0);
                let pattern = self.one(&["'a%'", "'_b%'", "'%\\_'", "'A'", "'%'"]);
                format!(
                    "{text} {}{} {pattern}",
                    self.one(&["", "not "]),
                    self.one(&["like", "ilike"])
                )
            }
            8 => {
                let (one, other) = (self.condition(scope, inner), self.condition(scope, inner));
                format!("({one} {} {other})", self.one(&["and", "or"]))
            }
            9 => format!("({}) is {}true", self.condition(scope, inner), self.one(&["", "not "])),
            10 => {
                let list = [self.literal(class), self.literal(class), self.column(class, scope)];
                format!("{left} {}in ({})", self.one(&["", "not "]), list.join(", "))
            }
            11 => {
                let other = self.value(class, scope, 0);
                format!("({left}) is {}distinct from ({other})", self.one(&["", "not "]))
            }
            12 => {
                let (from, inside) = self.inside(scope);
                let condition = self.condition(&inside, inner);
                format!(
                    "{}exists (select 1 from {from} where {condition})",
                    self.one(&["", "not "])
                )
            }
            13 => {
                let (from, inside) = self.inside(scope);
                let own = vec![inside[inside.len() - 1].clone()];
                let second = self.class();
                let other = self.value(second, scope, 0);
                let (a, b) = (self.column(class, &own), self.column(second, &own));
                let condition = self.condition(&inside, inner);
                let not = self.one(&["", "not "]);
                format!("({left}, {other}) {not}in (select {a}, {b} from {from} where {condition})")
            }
            _ => {
                let (from, inside) = self.inside(scope);
                let own = vec![inside[inside.len() - 1].clone()];
                let (column, condition) =
                    (self.column(class, &own), self.condition(&inside, inner));
                let operator = self.one(&["in", "not in", "= any", "<> all", "< any", ">= all"]);
                format!("{left} {operator} (select {column} from {from} where {condition})")
            }
        }
    }

    fn from(&mut self) -> (String, Scope) {
        let (table, alias) = self.table();
        let mut from = format!("{table} {alias}");
        let mut scope = vec![alias];
        for _ in 0..*self.random.choose(&[0, 0, 1, 1, 2]) {
            let (table, alias) = self.table();
            let kind = self.one(&["join", "left join", "left join", "right join", "full join"]);
            let class = self.class();
            let left = self.column(class, &scope);
            let right = self.column(class, &vec![alias.clone()]);
            scope.push(alias.clone());
            let mut on = format!("{left} = {right}");
            if kind != "full join" && self.chance(40) {
                on = format!("{on} and {}", self.condition(&scope, 1));
            }
            from = format!("{from} {kind} {table} {alias} on {on}");
        }
        (from, scope)
    }

    fn filter(&mut self, scope: &Scope) -> String {
        if self.chance(30) { String::new() } else { format!(" where {}", self.condition(scope, 2)) }
    }

    /// `1, 2 desc, ...`: sorted by all columns.
    fn order(&mut self, columns: usize) -> String {
        let keys =
            (1..=columns).map(|n| format!("{n}{}", self.one(&["", " desc", " nulls first"])));
        keys.collect::<Vec<_>>().join(", ")
    }

    fn select(&mut self) -> String {
        let (from, scope) = self.from();
        let filter = self.filter(&scope);
        let columns = (0..=self.random.below(3)).map(|_| {
            let class = self.class();
            self.plain(class, &scope, 2)
        });
        let columns = columns.collect::<Vec<_>>();
        let order = self.order(columns.len());
        let distinct = if self.chance(25) { "distinct " } else { "" };
        let limit = match self.random.below(5) {
            0 => format!(" limit {} offset {}", self.random.below(9), self.random.below(4)),
            _ => String::new(),
        };
        let columns = columns.join(", ");
        format!("select {distinct}{columns} from {from}{filter} order by {order}{limit}")
    }

    fn groups(&mut self) -> String {
        let (from, scope) = self.from();
        let filter = self.filter(&scope);
        let groups = (0..self.random.below(3)).map(|_| {
            let class = self.class();
            self.plain(class, &scope, 1)
        });
        // A subquery in a group is not the same one in the select list.
        let groups = groups.filter(|group| group.contains('.') && !group.contains("select"));
        let groups = groups.collect::<Vec<_>>();
        let mut columns = groups.clone();
        for _ in 0..3 {
            let aggregate = self.aggregate(&scope);
            columns.push(aggregate);
        }
        let by = match groups.is_empty() {
            true => String::new(),
            false => format!(" group by {}", groups.join(", ")),
        };
        let having = match self.random.below(4) {
            0 => format!(" having {} is not null", self.aggregate(&scope)),
            1 => format!(
                " having count(*) > (select count(*) / 9 from v1 where {})",
                self.literal(Class::Truth)
            ),
            _ => String::new(),
        };
        let (order, columns) = (self.order(columns.len()), columns.join(", "));
        format!("select {columns} from {from}{filter}{by}{having} order by {order}")
    }

    fn aggregate(&mut self, scope: &Scope) -> String {
        let filter = match self.random.below(5) {
            0 => format!(" filter (where {})", self.condition(scope, 0)),
            _ => String::new(),
        };
        let class = self.class();
        let value = self.plain(class, scope, 1);
        let call = match (class, self.random.below(4)) {
            (Class::Truth, _) => {
                format!("{}({value})", self.one(&["bool_and", "bool_or", "count"]))
            }
            (_, 0) => format!("count(distinct {value})"),
            (Class::Number | Class::Span, 1) => format!("sum(({value})::numeric)"),
            (Class::Number, 2) => format!("avg(({value})::numeric(12,2))"),
            (Class::Text, 1) => format!("string_agg({value}, ',' order by {value})"),
            _ => format!("{}({value})", self.one(&["min", "max"])),
        };
        format!("{call}{filter}")
    }

    fn set_operation(&mut self) -> String {
        let classes = [self.class(), self.class()];
        let sides = [(); 3].map(|()| {
            let (table, alias) = self.table();
            let scope = vec![alias.clone()];
            let list = classes.map(|class| match class {
                Class::Date | Class::Time if self.chance(50) => self.column(Class::Date, &scope),
                Class::Span => format!("extract(epoch from {alias}.iv)"),
                // Floats and numerics that are equal are written in two ways.
                Class::Number => format!("{alias}.{}", self.one(&["id", "i2", "i8"])),
                Class::Text => format!("{alias}.{}", self.one(&["vc", "t"])),
                _ => self.column(class, &scope),
            });
            let list = list.join(", ");
            format!("select {list} from {table} {alias} where {}", self.condition(&scope, 1))
        });
        let operators =
            ["union", "union all", "intersect", "intersect all", "except", "except all"];
        let [one, two, three] = sides;
        let (first, second) = (self.one(&operators), self.one(&operators));
        let statement = match self.random.below(3) {
            0 => format!("{one} {first} {two}"),
            1 => format!("({one} {first} {two}) {second} {three}"),
            _ => format!("{one} {first} ({two} {second} {three})"),
        };
        format!("{statement} order by {}", self.order(2))
    }

    fn with(&mut self) -> String {
        let (from, scope) = self.from();
        let class = self.class();
        let value = self.plain(class, &scope, 1);
        let filter = self.filter(&scope);
        let how = self.one(&["", "materialized ", "not materialized "]);
        let with = format!(
            "with w as {how}(select {value} as x, {}.id as k from {from}{filter})",
            scope[0]
        );
        match self.random.below(4) {
            0 => format!("{with} select x, k from w order by 1, 2"),
            1 => format!(
                "{with} select a.x, b.k from w a left join w b on a.k = b.k + 1 order by 1, 2"
            ),
            2 => format!(
                "{with} select count(*), (select count(x) from w) from w where k in (select k from w)"
            ),
            _ => format!(
                "{with}, u as (select x, count(*) n from w group by x) select w.k, u.x, u.n from w join u on w.x is not distinct from u.x order by 1, 2, 3"
            ),
        }
    }

    /// UPDATE or DELETE, with subqueries.
    fn change(&mut self) -> String {
        let table = self.one(&["v1", "v2"]);
        let scope = vec!["r".to_owned()];
        let condition = self.condition(&scope, 2);
        match self.random.below(6) {
            0 => format!(
                "delete from {table} r where {condition} and r.id % 7 = {}",
                self.random.below(7)
            ),
            1 => {
                // No maximum of intervals: equal ones are written in several ways, and which of them
                // it is depends on the order of rows.
                let spans = ["r.iv * 2", "r.ts - r.d", "r.iv + '36:00'", "'-1 day'", "null"];
                let span = self.one(&spans);
                format!(
                    "update {table} r set ts = (select max(ts) from v1) + interval '1 hour', iv = {span} where {condition}"
                )
            }
            2 => format!(
                "update {table} r set n = (select max(n) from v2 where v2.c = r.c), q = ({condition}) where r.id < 12"
            ),
            3 => {
                let (date, truth) = (self.value(Class::Date, &scope, 1), self.condition(&scope, 1));
                format!("update {table} r set d = {date}, q = {truth} where {condition}")
            }
            4 => {
                let (row, id) = (["d", "q", "c"].map(|c| self.stored(c)), self.random.below(40));
                format!(
                    "insert into v1 (id, d, q, c) select {id}, {}, {}, {} where not exists (select 1 from v1 where id = {id}) returning id, d, q, c",
                    row[0], row[1], row[2]
                )
            }
            _ => format!(
                "update v1 r set i2 = o.n, vc = o.c from (select id, min(i2) as n, min(c) as c from v2 group by id) o where o.id = r.id and {condition}"
            ),
        }
    }
}
