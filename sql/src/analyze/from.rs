//! FROM: tables, subqueries, WITH queries and functions, and the items they become.

use sqlparser::ast::{self, Spanned, TableFactor};

use super::Analyzer;
use super::analyzer::unsupported;
use super::query::{From, Query, RelationColumn, RelationKind, WithReference};
use super::scope::{Item, ItemColumn, Level, Place, WithQuery};
use crate::catalog::{self, Table};
use crate::error::{Error, NameError, QueryError, Result, SyntaxError};
use crate::expr::ExprKind;
use crate::parser::{Name, fold, object_name};
use crate::types::Type;

/// The longest FROM clause, and the most joins behind one item of it: each is a level of the tree.
pub(super) const ITEMS_MAX: usize = 500;

/// A name for an item and for its columns.
pub(super) struct Alias {
    name: Option<String>,
    columns: Vec<String>,
}

impl Analyzer<'_> {
    /// The FROM clause; its items become the level's.
    pub(super) fn analyze_from(&mut self, list: &[ast::TableWithJoins]) -> Result<From> {
        self.analyze_from_after(list, From::Nothing, Vec::new())
    }

    /// The FROM clause behind items that are there already.
    pub(super) fn analyze_from_after(
        &mut self,
        list: &[ast::TableWithJoins],
        tree: From,
        items: Vec<Item>,
    ) -> Result<From> {
        if list.len() > ITEMS_MAX {
            return Err(SyntaxError::TooDeep.into());
        }
        let (mut tree, mut done) = (tree, items);
        for joined in list {
            self.level().items = done.iter().cloned().map(hidden).collect();
            let (right, items) = self.table_with_joins(joined)?;
            check_conflicts(&done, &items)?;
            done.extend(items);
            tree = match tree {
                From::Nothing => right,
                left => From::Join {
                    kind: crate::plan::JoinKind::Inner,
                    left: Box::new(left),
                    right: Box::new(right),
                    on: Vec::new(),
                },
            };
        }
        for item in &mut done {
            item.lateral_only = false;
        }
        self.level().items = done;
        Ok(tree)
    }

    /// One element of FROM that is no join.
    pub(super) fn table_factor(&mut self, factor: &TableFactor) -> Result<(From, Vec<Item>)> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                let position = self.position(name.span());
                if !with_hints.is_empty()
                    || version.is_some()
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || !index_hints.is_empty()
                {
                    return Err(unsupported("this kind of table", position));
                }
                if sample.is_some() {
                    return Err(unsupported("TABLESAMPLE", position));
                }
                let alias = self.alias(alias.as_ref())?;
                match args {
                    Some(ast::TableFunctionArgs { args, settings: None }) => {
                        self.function_item(name, args, alias, *with_ordinality)
                    }
                    Some(_) => Err(unsupported("this kind of table", position)),
                    None if *with_ordinality => Err(unsupported("WITH ORDINALITY", position)),
                    None => {
                        let name = object_name(name, self.source)?;
                        self.table_item(&name, alias)
                    }
                }
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                if sample.is_some() {
                    return Err(unsupported(
                        "TABLESAMPLE",
                        self.source.place_of(subquery.as_ref()),
                    ));
                }
                let alias = self.alias(alias.as_ref())?;
                self.derived_item(*lateral, subquery, alias)
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality, alias } => {
                let alias = self.alias(alias.as_ref())?;
                self.function_item(name, args, alias, *with_ordinality)
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset: false,
                with_offset_alias: None,
                with_ordinality,
            } => {
                let alias = self.alias(alias.as_ref())?;
                let position = array_exprs.first().and_then(|expr| self.start(expr));
                let position = self.source.position_before("unnest", position);
                let args = array_exprs.iter().collect::<Vec<_>>();
                self.call_item("unnest", &args, alias, *with_ordinality, position)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.nested_join(table_with_joins, alias.as_ref())
            }
            _ => Err(unsupported("this kind of FROM item", self.source.place_of(factor))),
        }
    }

    /// A join in parentheses.
    fn nested_join(
        &mut self,
        join: &ast::TableWithJoins,
        alias: Option<&ast::TableAlias>,
    ) -> Result<(From, Vec<Item>)> {
        let (tree, items) = self.table_with_joins(join)?;
        let alias = self.alias(alias)?;
        let Some(name) = alias.name else { return Ok((tree, items)) };
        let columns = items.into_iter().filter(|item| item.columns_visible);
        let columns = columns.flat_map(|item| item.columns).collect();
        let mut item = new_item(Some(name.clone()), None, columns);
        rename(&mut item.columns, &name, &alias.columns)?;
        Ok((tree, vec![item]))
    }

    fn alias(&self, alias: Option<&ast::TableAlias>) -> Result<Alias> {
        let Some(ast::TableAlias { explicit: _, name, columns, at }) = alias else {
            return Ok(Alias { name: None, columns: Vec::new() });
        };
        let position = self.position(name.span);
        if at.is_some() {
            return Err(unsupported("AT in a FROM item", position));
        }
        if columns.iter().any(|column| column.data_type.is_some()) {
            return Err(unsupported("a column definition list", position));
        }
        let columns = columns.iter().map(|column| fold(&column.name)).collect();
        Ok(Alias { name: Some(fold(name)), columns })
    }

    fn table_item(&mut self, name: &Name, alias: Alias) -> Result<(From, Vec<Item>)> {
        if name.schema.is_none() {
            for at in (0..self.levels.len()).rev() {
                let entry = self.levels[at].with.iter().find(|with| with.name == name.name);
                if let Some(entry) = entry.cloned() {
                    let (query, reference) = self.with_query(at, &entry)?;
                    let alias = Alias { name: alias.name.or(Some(name.name.clone())), ..alias };
                    let (from, mut items) = self.query_item(query, alias, false)?;
                    if let From::Relation(relation) = from {
                        self.relations[relation].with = Some(reference);
                    }
                    for item in &mut items {
                        item.table_name = Some(name.name.clone());
                    }
                    return Ok((from, items));
                }
            }
        }
        let (relation, table_name) = match self.find_relation(name)? {
            catalog::Relation::Table(table) => {
                let columns = table_columns(&table);
                let alias = alias.name.clone().unwrap_or_else(|| table.name.clone());
                let name = table.name.clone();
                (self.add_relation(RelationKind::Table(table), alias, columns, false), name)
            }
            catalog::Relation::Virtual(relation) => {
                let column = |(n, (name, ty)): (usize, &(&str, Type))| RelationColumn {
                    name: (*name).to_owned(),
                    ty: *ty,
                    origin: i16::try_from(n + 1).ok().map(|number| (relation.oid, number)),
                    dropped: false,
                };
                let columns = relation.columns.iter().enumerate().map(column).collect();
                let alias = alias.name.clone().unwrap_or_else(|| relation.name.to_owned());
                let kind = RelationKind::Virtual(relation);
                (self.add_relation(kind, alias, columns, false), relation.name.to_owned())
            }
            catalog::Relation::Index { .. } => {
                let error = NameError::IsIndex { name: name.name.clone() };
                return Err(Error::from(error).at(name.position));
            }
        };
        let qualified = match (&alias.name, &self.relations[relation].kind) {
            (None, RelationKind::Table(table)) => {
                Some((table.schema_name.clone(), table.name.clone()))
            }
            (None, RelationKind::Virtual(table)) => {
                Some((table.schema.to_owned(), table.name.to_owned()))
            }
            _ => None,
        };
        let mut item = self.relation_item(relation, &alias)?;
        item.qualified = qualified;
        item.table_name = Some(table_name);
        Ok((From::Relation(relation), vec![item]))
    }

    /// The relation of a name, or 42P01.
    pub(super) fn find_relation(&self, name: &Name) -> Result<catalog::Relation> {
        let found = self.around.lookup.relation(name.schema.as_deref(), &name.name)?;
        found.ok_or_else(|| {
            let error = NameError::UndefinedTable { name: name.to_string() };
            Error::from(error).at(name.position)
        })
    }

    fn relation_item(&self, relation: usize, alias: &Alias) -> Result<Item> {
        let shown = &self.relations[relation];
        let columns = shown.columns.iter().enumerate().filter(|(_, column)| !column.dropped);
        let columns = columns.map(|(n, column)| ItemColumn {
            name: column.name.clone(),
            expr: self.column_of(relation, n, None),
        });
        let mut item = new_item(Some(shown.alias.clone()), Some(relation), columns.collect());
        rename(&mut item.columns, &shown.alias, &alias.columns)?;
        Ok(item)
    }

    fn derived_item(
        &mut self,
        lateral: bool,
        subquery: &ast::Query,
        alias: Alias,
    ) -> Result<(From, Vec<Item>)> {
        let position = self.source.place_of(subquery);
        if alias.name.is_none() {
            let values = matches!(subquery.body.as_ref(), ast::SetExpr::Values(_));
            let position = self.source.position_before("(", position).or(position);
            return Err(Error::from(QueryError::NeedsAlias { values }).at(position));
        }
        if lateral {
            for item in &mut self.level().items {
                item.lateral_only = false;
            }
        }
        let level = self.levels.len() - 1;
        let result = self.query_with_outer(subquery, true);
        for item in &mut self.level().items {
            item.lateral_only = true;
        }
        let (query, outer) = result?;
        let lateral = outer.iter().any(|reference| reference.level == level);
        self.query_item(query, alias, lateral)
    }

    fn query_item(
        &mut self,
        query: Query,
        alias: Alias,
        lateral: bool,
    ) -> Result<(From, Vec<Item>)> {
        let columns = query.columns.iter().map(|column| RelationColumn {
            name: column.name.clone(),
            ty: column.ty,
            origin: column.origin,
            dropped: false,
        });
        let columns = columns.collect();
        let name = alias.name.clone().unwrap_or_default();
        let relation = self.add_relation(RelationKind::Subquery(query), name, columns, lateral);
        let item = self.relation_item(relation, &alias)?;
        Ok((From::Relation(relation), vec![item]))
    }

    /// Analyzes a WITH query of the level `at` as if it stood there.
    pub(super) fn with_query(
        &mut self,
        at: usize,
        entry: &WithQuery,
    ) -> Result<(Query, WithReference)> {
        let volatile_calls = self.volatile_calls;
        let inside = self.levels.split_off(at + 1);
        let scope =
            Level { with: self.levels[at].with[..entry.before].to_vec(), ..Level::default() };
        let own = std::mem::replace(&mut self.levels[at], scope);
        let result = self.query_with_outer(&entry.query, true);
        self.levels[at] = own;
        self.levels.extend(inside);
        let (mut query, outer) = result?;
        let correlated = outer.iter().any(|reference| reference.level < at);
        for reference in outer.iter().filter(|reference| reference.level < at) {
            for level in &mut self.levels[at..] {
                level.outer.push(*reference);
            }
        }
        let available = query.columns.len();
        let specified = entry.columns.len();
        if specified > available {
            let name = entry.name.clone();
            let error = QueryError::TooManyWithAliases { name, available, specified };
            return Err(Error::from(error).at(entry.position));
        }
        for (column, name) in query.columns.iter_mut().zip(&entry.columns) {
            column.name.clone_from(name);
        }
        let reference = WithReference {
            id: entry.id,
            name: entry.name.clone(),
            materialized: entry.materialized,
            volatile: self.volatile_calls > volatile_calls || !query.locks.is_empty(),
            correlated,
        };
        Ok((query, reference))
    }

    fn function_item(
        &mut self,
        name: &ast::ObjectName,
        args: &[ast::FunctionArg],
        alias: Alias,
        ordinality: bool,
    ) -> Result<(From, Vec<Item>)> {
        let (name, position) = self.function_name(name)?;
        let mut exprs = Vec::with_capacity(args.len());
        for arg in args {
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(arg)) = arg else {
                return Err(unsupported("this kind of argument", position));
            };
            exprs.push(arg);
        }
        self.call_item(&name, &exprs, alias, ordinality, position)
    }

    fn call_item(
        &mut self,
        name: &str,
        args: &[&ast::Expr],
        alias: Alias,
        ordinality: bool,
        position: Option<u32>,
    ) -> Result<(From, Vec<Item>)> {
        // A function in FROM may always look to its left.
        for item in &mut self.level().items {
            item.lateral_only = false;
        }
        let call = self.at_place(Place::FunctionInFrom, |analyzer| {
            let args = args.iter().map(|arg| analyzer.expr(arg)).collect::<Result<Vec<_>>>()?;
            analyzer.call(name, args, position)
        });
        let level = self.level();
        level.returns_sets = false;
        for item in &mut level.items {
            item.lateral_only = true;
        }
        let call = call?;
        let level = self.levels.len() - 1;
        let mut read = Vec::new();
        self.references(&call, level, &mut read);
        let mut lateral = false;
        for column in self.levels[level].items.iter().flat_map(|item| &item.columns) {
            super::equal::columns(&column.expr, &mut |id| {
                lateral |= read.iter().any(|reference| reference.id == id);
            });
        }
        let ExprKind::Call { function, args } = call.kind else {
            return Err(unsupported("this kind of function in FROM", position));
        };
        let shown = alias.name.clone().unwrap_or_else(|| name.to_owned());
        let column = |name: &str, ty| RelationColumn {
            name: name.to_owned(),
            ty,
            origin: None,
            dropped: false,
        };
        let mut columns = vec![column(&shown, call.ty)];
        if ordinality {
            columns.push(column("ordinality", Type::INT8));
        }
        let kind = RelationKind::Function { function, args, ordinality };
        let relation = self.add_relation(kind, shown, columns, lateral);
        let item = self.relation_item(relation, &alias)?;
        Ok((From::Relation(relation), vec![item]))
    }
}

/// The columns of a table as a relation has them, dropped ones included.
pub(super) fn table_columns(table: &Table) -> Vec<RelationColumn> {
    let column = |(n, column): (usize, &catalog::Column)| RelationColumn {
        name: column.name.clone(),
        ty: column.ty,
        origin: i16::try_from(n + 1).ok().map(|number| (table.oid, number)),
        dropped: column.dropped,
    };
    table.columns.iter().enumerate().map(column).collect()
}

/// An item that anybody may see.
pub(super) fn new_item(
    alias: Option<String>,
    relation: Option<usize>,
    columns: Vec<ItemColumn>,
) -> Item {
    Item {
        table_visible: alias.is_some(),
        alias,
        qualified: None,
        table_name: None,
        relation,
        columns,
        columns_visible: true,
        lateral_only: false,
        lateral_refused: false,
    }
}

pub(super) fn hidden(mut item: Item) -> Item {
    item.lateral_only = true;
    item
}

fn rename(columns: &mut [ItemColumn], table: &str, names: &[String]) -> Result<()> {
    if names.len() > columns.len() {
        let (available, specified) = (columns.len(), names.len());
        let table = table.to_owned();
        return Err(QueryError::TooManyAliases { table, available, specified }.into());
    }
    for (column, name) in columns.iter_mut().zip(names) {
        column.name.clone_from(name);
    }
    Ok(())
}

/// Refuses two items of one name.
pub(super) fn check_conflicts(left: &[Item], right: &[Item]) -> Result<()> {
    for a in right.iter().filter(|item| item.table_visible) {
        for b in left.iter().filter(|item| item.table_visible) {
            // The same name in two schemas is no conflict.
            let differ =
                a.qualified.is_some() && b.qualified.is_some() && a.qualified != b.qualified;
            if a.alias == b.alias && !differ {
                let table = a.alias.clone().unwrap_or_default();
                return Err(NameError::DuplicateAlias { table }.into());
            }
        }
    }
    Ok(())
}

/// Whether a query names a table in its FROM clauses: what makes a WITH query recursive.
pub(super) fn names_table(query: &ast::Query, name: &str) -> bool {
    let mut found = false;
    let _ = ast::visit_relations(query, |relation| {
        found |= relation.to_string().eq_ignore_ascii_case(name);
        std::ops::ControlFlow::<()>::Continue(())
    });
    found
}
