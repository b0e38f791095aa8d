//! Random statements whose answers do not depend on the order in which anything is evaluated:
//! nothing overflows, every result is sorted by all of its columns, and a change meets each row
//! once.

use reckon_tests::random::Random;

/// How many rows there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tables {
    /// A few dozen, so that anything may be asked of them.
    Small,
    /// Thousands, with a `work_mem` that does not hold them.
    Large,
}

/// Makes statements.
pub(crate) struct Generator {
    random: Random,
    tables: Tables,
    /// Numbers what is made: aliases, and keys that were never used.
    made: usize,
}

/// A table and its integer columns; each has a text column `s` as well.
#[derive(Clone, Copy)]
struct Table {
    name: &'static str,
    integers: &'static [&'static str],
}

const TABLES: [Table; 3] = [
    Table { name: "t1", integers: &["id", "a", "b"] },
    Table { name: "t2", integers: &["id", "a", "b"] },
    Table { name: "t3", integers: &["id", "a"] },
];

/// Tables in reach, by alias.
type Scope = Vec<(String, Table)>;

impl Generator {
    pub(crate) fn new(seed: u64, tables: Tables) -> Generator {
        Generator { random: Random::new(seed), tables, made: 0 }
    }

    /// The statements that make and fill the tables.
    pub(crate) fn tables(&mut self) -> Vec<String> {
        let mut made: Vec<String> = [
            "create table t1 (id int primary key, a int, b bigint, s text)",
            "create table t2 (id int, a int, b bigint, s text)",
            "create table t3 (id int unique, a smallint, s varchar(5), unique (a, s))",
            "create index on t1 (a)",
            "create index on t1 (b desc, s)",
            "create index on t2 (s, a)",
            "create index on t2 (a desc nulls last) include (b)",
        ]
        .map(str::to_owned)
        .into();
        if self.tables == Tables::Large {
            made.extend(
                [
                    "set work_mem = '64kB'",
                    "insert into t1 select i, i * 7919 % 1500, i * 31 % 977, \
                     case when i % 11 > 0 then 'v' || i % 701 end from generate_series(0, 5999) i",
                    "insert into t2 select i * 13 % 4001, i * 7907 % 1700, \
                     nullif(i * 37 % 997, 5), 'v' || i % 503 from generate_series(0, 4999) i",
                    "insert into t3 select i, i % 2000, 'w' || i from generate_series(0, 2999) i",
                ]
                .map(str::to_owned),
            );
            return made;
        }
        for id in 0..25 {
            let (a, b, s) = (self.literal(), self.literal(), self.string());
            made.push(format!("insert into t1 values ({id}, {a}, {b}, {s})"));
            let (id, a, b) = (self.random.below(12), self.literal(), self.literal());
            made.push(format!("insert into t2 values ({id}, {a}, {b}, {s})"));
        }
        for id in 0..10 {
            let a = self.literal();
            made.push(format!("insert into t3 values ({id}, {a}, 's{id}')"));
        }
        made
    }

    /// The next statement.
    pub(crate) fn statement(&mut self) -> String {
        match self.random.below(20) {
            0..2 => self.change(),
            2..4 => self.set_operation(),
            4..7 => self.special(),
            7..12 => self.groups(),
            _ => self.select(),
        }
    }

    fn one<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[self.random.below(choices.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.random.below(100) < percent
    }

    fn table(&mut self) -> Table {
        *self.random.choose(&TABLES)
    }

    fn alias(&mut self) -> String {
        self.made += 1;
        format!("r{}", self.made)
    }

    fn literal(&mut self) -> String {
        match self.random.below(8) {
            0 => "null::int".to_owned(),
            _ if self.tables == Tables::Large => self.random.below(3000).to_string(),
            value => (value as i32 - 3).to_string(),
        }
    }

    fn string(&mut self) -> String {
        self.one(&["null::text", "'a'", "'b'", "'ab'", "''", "'v7'"]).to_owned()
    }

    fn column(&mut self, scope: &Scope) -> String {
        let (alias, table) = self.random.choose(scope).clone();
        format!("{alias}.{}", self.random.choose(table.integers))
    }

    fn integer(&mut self, scope: &Scope, depth: usize) -> String {
        let inner = depth.saturating_sub(1);
        match self.random.below(if depth == 0 { 10 } else { 20 }) {
            0..8 => self.column(scope),
            8..10 => self.literal(),
            10..13 => {
                let (left, right) = (self.integer(scope, inner), self.column(scope));
                format!("({left} {} {right})", self.one(&["+", "-"]))
            }
            13 => format!("({} * {})", self.column(scope), self.random.below(7)),
            14 => format!("coalesce({}, {})", self.integer(scope, inner), self.literal()),
            15 => format!("nullif({}, {})", self.integer(scope, inner), self.literal()),
            16 => {
                let (one, other) = (self.integer(scope, inner), self.integer(scope, inner));
                format!("{}({one}, {other})", self.one(&["greatest", "least"]))
            }
            17 if self.tables == Tables::Small => self.scalar_subquery(scope),
            _ => {
                let condition = self.condition(scope, inner);
                let (yes, no) = (self.integer(scope, inner), self.integer(scope, inner));
                format!("case when {condition} then {yes} else {no} end")
            }
        }
    }

    fn text(&mut self, scope: &Scope) -> String {
        if self.chance(30) {
            return self.string();
        }
        format!("{}.s", self.random.choose(scope).0)
    }

    /// One more table inside of a subquery, and what it sees: itself, or what is outside too.
    fn inside(&mut self, scope: &Scope) -> (String, Table, Scope) {
        let (alias, table) = (self.alias(), self.table());
        let correlated = self.tables == Tables::Small && self.chance(60);
        let mut inner = if correlated { scope.clone() } else { Scope::new() };
        inner.push((alias.clone(), table));
        (alias, table, inner)
    }

    fn scalar_subquery(&mut self, scope: &Scope) -> String {
        let (alias, table, inner) = self.inside(scope);
        let aggregate = self.one(&["max", "min", "count"]);
        let (column, condition) = (self.one(&["id", "a"]), self.condition(&inner, 1));
        format!(
            "(select {aggregate}({alias}.{column})::int from {} {alias} where {condition})",
            table.name
        )
    }

    fn condition(&mut self, scope: &Scope, depth: usize) -> String {
        let inner = depth.saturating_sub(1);
        let left = self.integer(scope, inner.min(1));
        match self.random.below(if depth == 0 { 10 } else { 20 }) {
            0..7 => {
                let right = self.integer(scope, inner.min(1));
                format!("{left} {} {right}", self.one(&["=", "<", ">", "<=", ">=", "<>"]))
            }
            7 => {
                let (left, right) = (self.text(scope), self.text(scope));
                format!("{left} {} {right}", self.one(&["=", "<", ">=", "<>"]))
            }
            8 => format!("{left} is {}null", self.one(&["", "not "])),
            9 => format!("{left} between {} and {}", self.literal(), self.literal()),
            10..12 => {
                let (one, other) = (self.condition(scope, inner), self.condition(scope, inner));
                format!("({one} {} {other})", self.one(&["and", "or"]))
            }
            12 => format!("not ({})", self.condition(scope, inner)),
            13 => {
                let list = (0..*self.random.choose(&[2, 3, 12])).map(|_| self.literal());
                let list = list.collect::<Vec<_>>().join(", ");
                format!("{left} {}in ({list})", self.one(&["", "not "]))
            }
            14 => {
                let right = self.integer(scope, inner.min(1));
                format!("{left} is {}distinct from {right}", self.one(&["", "not "]))
            }
            15..17 => {
                let (alias, table, inside) = self.inside(scope);
                let condition = self.condition(&inside, inner);
                let not = self.one(&["", "not "]);
                format!("{not}exists (select 1 from {} {alias} where {condition})", table.name)
            }
            _ => {
                let (alias, table, inside) = self.inside(scope);
                let condition = self.condition(&inside, inner);
                let operators = match self.tables {
                    Tables::Small => &["in", "not in", "= any", "<> all", "< all", "> any"][..],
                    Tables::Large => &["in", "not in"],
                };
                let (operator, column) = (self.one(operators), self.one(&["id", "a"]));
                let from = format!("from {} {alias} where {condition}", table.name);
                format!("{left} {operator} (select {alias}.{column} {from})")
            }
        }
    }

    /// A FROM clause of up to three tables.
    fn from(&mut self) -> (String, Scope) {
        let (alias, table) = (self.alias(), self.table());
        let mut from = format!("{} {alias}", table.name);
        let mut scope = vec![(alias, table)];
        for _ in 0..*self.random.choose(&[0, 0, 0, 1, 1, 2]) {
            let (alias, table) = (self.alias(), self.table());
            let kind = self.one(&["join", "join", "left join", "right join", "full join"]);
            let (left, column) = (self.column(&scope), self.one(&["id", "a"]));
            let mut on = format!("{left} = {alias}.{column}");
            scope.push((alias.clone(), table));
            if kind != "full join" && self.chance(40) {
                on = format!("{on} and {}", self.condition(&scope, 0));
            } else if kind != "full join" && self.tables == Tables::Small && self.chance(20) {
                on = self.condition(&scope, 1);
            }
            from = format!("{from} {kind} {} {alias} on {on}", table.name);
        }
        (from, scope)
    }

    fn filter(&mut self, scope: &Scope) -> String {
        if self.chance(30) {
            return String::new();
        }
        format!(" where {}", self.condition(scope, 2))
    }

    fn select(&mut self) -> String {
        let (from, scope) = self.from();
        let filter = self.filter(&scope);
        let mut columns: Vec<String> =
            (0..=self.random.below(3)).map(|_| self.integer(&scope, 2)).collect();
        columns.push(self.text(&scope));
        let distinct = if self.chance(20) { "distinct " } else { "" };
        let order = (1..=columns.len()).map(|column| {
            format!("{column}{}", self.one(&["", " desc", " nulls first", " desc nulls last"]))
        });
        let order = order.collect::<Vec<_>>().join(", ");
        let limit = match self.random.below(4) {
            0 => format!(" limit {} offset {}", self.random.below(10), self.random.below(5)),
            _ => String::new(),
        };
        let columns = columns.join(", ");
        format!("select {distinct}{columns} from {from}{filter} order by {order}{limit}")
    }

    fn groups(&mut self) -> String {
        let (from, scope) = self.from();
        let filter = self.filter(&scope);
        let groups: Vec<String> = (0..self.random.below(3))
            .map(
                |_| if self.chance(70) { self.column(&scope) } else { format!("{}.s", scope[0].0) },
            )
            .collect();
        let mut columns = groups.clone();
        for _ in 0..2 {
            let aggregate =
                self.one(&["count(", "sum(", "min(", "max(", "count(distinct ", "sum(distinct "]);
            columns.push(format!("{aggregate}{})", self.integer(&scope, 1)));
        }
        columns.push("count(*)".to_owned());
        let by = if groups.is_empty() {
            String::new()
        } else {
            format!(" group by {}", groups.join(", "))
        };
        let having = match self.random.below(3) {
            0 => format!(" having count(*) > {}", self.random.below(4)),
            _ => String::new(),
        };
        let order = (1..=columns.len()).map(|column| column.to_string()).collect::<Vec<_>>();
        let (columns, order) = (columns.join(", "), order.join(", "));
        format!("select {columns} from {from}{filter}{by}{having} order by {order}")
    }

    fn set_operation(&mut self) -> String {
        let side = |generator: &mut Self| {
            let (alias, table) = (generator.alias(), generator.table());
            let condition = generator.condition(&vec![(alias.clone(), table)], 1);
            let column = generator.one(&["id", "a"]);
            format!("select {column}, s from {} {alias} where {condition}", table.name)
        };
        let (left, right) = (side(self), side(self));
        let operation =
            self.one(&["union", "union all", "intersect", "intersect all", "except", "except all"]);
        format!("{left} {operation} {right} order by 1, 2")
    }

    fn special(&mut self) -> String {
        let (one, other) = (self.table(), self.table());
        let scope = vec![("r".to_owned(), one)];
        let (condition, value) = (self.condition(&scope, 1), self.integer(&scope, 1));
        let (one, other) = (one.name, other.name);
        match self.random.below(if self.tables == Tables::Small { 8 } else { 3 }) {
            0 => format!(
                "select distinct on (r.a) r.a, r.s, r.id from {one} r where {condition} order by 1, 2, 3"
            ),
            1 => format!(
                "select count(*) filter (where {condition}), sum({value}), min(s), max(s) from {one} r"
            ),
            2 => format!(
                "select q.x, q.n, o.id from (select {value} as x, count(*) as n from {one} r group by 1) q \
                 join {other} o on q.x = o.a order by 1, 2, 3"
            ),
            3 => format!(
                "select r.id, q.m from {one} r, lateral (select max(a) as m from {other} o where o.id <= r.id) q \
                 order by 1, 2"
            ),
            4 => format!(
                "select r.id, array(select o.id::int from {other} o where o.a = r.a order by 1) \
                 from {one} r order by 1, 2"
            ),
            5 => format!(
                "select r.id, g from {one} r, generate_series(1, r.a) g order by 1, 2 limit 20"
            ),
            6 => format!(
                "select id, a, s from {one} r where {condition} order by id, a, s for update"
            ),
            _ => format!(
                "select string_agg(s, ',' order by s, id), array_agg(a order by id, a), avg(a) \
                 from {one} r where {condition}"
            ),
        }
    }

    /// INSERT, UPDATE or DELETE.
    fn change(&mut self) -> String {
        self.made += 1;
        let fresh = 10_000 + self.made;
        let table = TABLES[self.random.below(2)];
        let scope = vec![("r".to_owned(), table)];
        let (condition, value) = (self.condition(&scope, 1), self.integer(&scope, 1));
        let name = table.name;
        match self.random.below(8) {
            0..2 => {
                let (id, a, s) = (self.random.below(40), self.literal(), self.string());
                let action = self.one(&[
                    "nothing",
                    "update set a = excluded.a + 1, s = t1.s",
                    "update set b = t1.b + 1 where t1.a > 1",
                ]);
                format!(
                    "insert into t1 values ({id}, {a}, {a}, {s}) on conflict (id) do {action} returning *"
                )
            }
            2..4 => format!(
                "update {name} r set a = {}, s = {} where {condition}",
                self.literal(),
                self.string()
            ),
            4 if self.tables == Tables::Small => {
                format!("update {name} r set b = {value} where {condition}")
            }
            4 | 5 => format!("update t1 r set id = {fresh} where id = {}", self.random.below(40)),
            6 => format!(
                "delete from {name} r where {condition} and r.id > {}",
                3 + self.random.below(20)
            ),
            _ => format!(
                "update t1 r set a = o.a from t3 o where r.id = o.id and o.a > {}",
                self.literal()
            ),
        }
    }
}
