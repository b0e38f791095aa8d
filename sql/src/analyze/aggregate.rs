//! Written calls: plain functions, aggregates with what only they take, and words that are calls.

use sqlparser::ast::{
    self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, ObjectNamePart,
};

use super::Analyzer;
use super::analyzer::unsupported;
use super::call::{Callable, Resolved, resolve};
use super::equal::{columns, same};
use super::query::Meaning;
use super::scope::Place;
use super::syntax_function::{calls_volatile, precision_word};
use crate::error::{Error, NameError, QueryError, Result, SyntaxError};
use crate::expr::function::{self, AggregateFunction, CastContext, CastMethod, Function};
use crate::expr::{Aggregate, Expr, ExprKind};
use crate::parser::{fold, object_name};
use crate::plan::SortKey;
use crate::types::{self, Type};

/// What a call has besides its arguments.
#[derive(Default)]
struct Extras<'a> {
    star: bool,
    distinct: bool,
    order: &'a [ast::OrderByExpr],
    filter: Option<&'a ast::Expr>,
}

impl Extras<'_> {
    fn any(&self) -> bool {
        self.star || self.distinct || !self.order.is_empty() || self.filter.is_some()
    }
}

impl Analyzer<'_> {
    /// A call as written.
    pub(super) fn function(&mut self, function: &ast::Function) -> Result<Expr> {
        let ast::Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment,
            over,
        } = function;
        let (name, position) = self.function_name(name)?;
        let refused = match () {
            () if over.is_some() => "a window function",
            () if !within_group.is_empty() => "WITHIN GROUP",
            () if null_treatment.is_some() => "IGNORE NULLS",
            () if *uses_odbc_syntax || !matches!(parameters, FunctionArguments::None) => {
                "this call"
            }
            () => "",
        };
        if !refused.is_empty() {
            return Err(unsupported(refused, position));
        }
        let list = match args {
            FunctionArguments::None => {
                let found = self.word_call(&name, position)?;
                return found.ok_or_else(|| unsupported(format!("the word {name}"), position));
            }
            FunctionArguments::Subquery(query) if name == "array" => {
                return self.array_subquery(query, position);
            }
            FunctionArguments::Subquery(query) => {
                // f((SELECT ...)) comes without its inner parentheses.
                let arg = self.scalar_subquery(query)?;
                return self.call(&name, vec![arg], position);
            }
            FunctionArguments::List(list) => list,
        };
        let mut extras = Extras { filter: filter.as_deref(), ..Extras::default() };
        let args = self.written_arguments(&name, list, &mut extras, position)?;
        self.written_call(&name, args, &extras, position)
    }

    /// The name of a function of `pg_catalog`, and where it stands.
    pub(super) fn function_name(&self, name: &ast::ObjectName) -> Result<(String, Option<u32>)> {
        let mut parts = Vec::with_capacity(name.0.len());
        for part in &name.0 {
            let ObjectNamePart::Identifier(ident) = part else {
                return Err(unsupported("this name", None));
            };
            parts.push(ident);
        }
        let position = parts.first().and_then(|ident| self.position(ident.span));
        match parts.as_slice() {
            [name] => Ok((fold(name), position)),
            [schema, name] if fold(schema) == "pg_catalog" => Ok((fold(name), position)),
            _ => {
                let written: Vec<String> = parts.iter().map(|ident| fold(ident)).collect();
                let signature = format!("{}()", written.join("."));
                Err(Error::from(NameError::UndefinedFunction { signature }).at(position))
            }
        }
    }

    /// The arguments of ROW, literals without a type.
    pub(super) fn row_arguments(&mut self, call: &ast::Function) -> Result<Vec<Expr>> {
        let (name, position) = self.function_name(&call.name)?;
        let FunctionArguments::List(list) = &call.args else {
            return Err(unsupported(format!("this kind of {name}"), position));
        };
        let mut extras = Extras::default();
        let args = self.written_arguments(&name, list, &mut extras, position)?;
        if extras.any() {
            return Err(unsupported(format!("this kind of {name}"), position));
        }
        self.check_row(args.len(), position)?;
        Ok(args)
    }

    fn written_arguments<'e>(
        &mut self,
        name: &str,
        list: &'e ast::FunctionArgumentList,
        extras: &mut Extras<'e>,
        position: Option<u32>,
    ) -> Result<Vec<Expr>> {
        let ast::FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        extras.distinct = matches!(duplicate_treatment, Some(DuplicateTreatment::Distinct));
        for clause in clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order) => extras.order = order,
                _ => return Err(unsupported("this clause of a call", position)),
            }
        }
        let is_star =
            |arg: &FunctionArg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
        let alone = args.len() == 1 && duplicate_treatment.is_none() && clauses.is_empty();
        if !alone && args.iter().any(is_star) {
            let error = Error::from(SyntaxError::Syntax { near: Some("*".to_owned()) });
            return Err(error.at(self.source.position_after("*", position)));
        }
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => values.push(self.expr(arg)?),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => extras.star = true,
                FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(table)) => {
                    let table = object_name(table, self.source)?;
                    if name == "row" {
                        let columns = self.columns_of_table(&table)?.into_iter();
                        values.extend(columns.map(|column| column.expr));
                    } else {
                        values.push(self.row_of_table(&table)?);
                    }
                }
                FunctionArg::Unnamed(_) => return Err(unsupported("this argument", position)),
                FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => {
                    return Err(unsupported("a named argument", position));
                }
            }
        }
        Ok(values)
    }

    fn written_call(
        &mut self,
        name: &str,
        args: Vec<Expr>,
        extras: &Extras<'_>,
        position: Option<u32>,
    ) -> Result<Expr> {
        let args = if extras.any() {
            args
        } else {
            match self.special_call(name, args, position)? {
                Ok(call) => return Ok(call),
                Err(args) => args,
            }
        };
        if name == "grouping" {
            return Err(unsupported("GROUPING", position));
        }
        if let Some(word) = precision_word(name, &args) {
            return self.precise_word(word, &args, position);
        }
        let is_aggregate = !function::aggregates(name).is_empty();
        if !is_aggregate && (extras.any() || function::named(name).is_empty()) {
            return self.misused_call(name, args, extras, position);
        }
        if !is_aggregate {
            return self.call(name, args, position);
        }
        if args.is_empty() && !extras.star && name == "count" {
            let message = "count(*) must be used to call a parameterless aggregate function";
            let error = NameError::WrongFunctionKind { message: message.to_owned() };
            return Err(Error::from(error).at(position));
        }
        if extras.star && name != "count" {
            let signature = format!("{name}()");
            return Err(Error::from(NameError::UndefinedFunction { signature }).at(position));
        }
        let types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
        match resolve(name, &types).map_err(|e| e.at(position))? {
            Resolved::Call { callable: Callable::Aggregate(aggregate), declared, result } => {
                let args = self.arguments(args, &declared)?;
                self.aggregate_with(aggregate, args, result, extras, position)
            }
            _ => self.call(name, args, position),
        }
    }

    /// A call of something that is no aggregate with what only aggregates take, or of nothing.
    fn misused_call(
        &mut self,
        name: &str,
        args: Vec<Expr>,
        extras: &Extras<'_>,
        position: Option<u32>,
    ) -> Result<Expr> {
        let starless = extras.star && resolve(name, &[]).is_err();
        if function::named(name).is_empty() || !extras.any() || starless {
            if extras.star {
                let signature = format!("{name}()");
                return Err(Error::from(NameError::UndefinedFunction { signature }).at(position));
            }
            return self.call(name, args, position);
        }
        let what = if extras.star {
            format!("{name}(*) specified, but {name} is not an aggregate function")
        } else if extras.distinct {
            format!("DISTINCT specified, but {name} is not an aggregate function")
        } else if !extras.order.is_empty() {
            format!("ORDER BY specified, but {name} is not an aggregate function")
        } else {
            format!("FILTER specified, but {name} is not an aggregate function")
        };
        Err(Error::from(NameError::WrongFunctionKind { message: what }).at(position))
    }

    /// A call of an aggregate without DISTINCT, ORDER BY and FILTER.
    pub(super) fn aggregate(
        &mut self,
        function: &'static AggregateFunction,
        args: Vec<Expr>,
        ty: Type,
        position: Option<u32>,
    ) -> Result<Expr> {
        self.aggregate_with(function, args, ty, &Extras::default(), position)
    }

    fn aggregate_with(
        &mut self,
        function: &'static AggregateFunction,
        args: Vec<Expr>,
        ty: Type,
        extras: &Extras<'_>,
        position: Option<u32>,
    ) -> Result<Expr> {
        let place = self.place();
        if !place.allows_aggregates() {
            let error = QueryError::AggregateNotAllowed { place: place.words() };
            return Err(Error::from(error).at(position));
        }
        let args = args.into_iter().map(|arg| self.resolve_unknown(arg));
        let args = args.collect::<Result<Vec<_>>>()?;
        let filter = match extras.filter {
            Some(filter) => Some(self.at_place(Place::Filter, |analyzer| {
                let filter = analyzer.expr(filter)?;
                analyzer.boolean(filter, "FILTER")
            })?),
            None => None,
        };
        let order = self.aggregate_order(extras, &args)?;
        self.check_level(&args, filter.as_ref(), position)?;
        if extras.distinct {
            for arg in &args {
                if function::comparison(arg.ty).is_none() {
                    let error = NameError::NoComparison {
                        what: "equality",
                        type_name: types::name(arg.ty),
                    };
                    return Err(Error::from(error).at(position));
                }
            }
        }
        let aggregate = Aggregate { function, args, distinct: extras.distinct, order, filter, ty };
        let known =
            self.level().aggregates.iter().find(|(_, known)| same_aggregate(known, &aggregate));
        let id = match known.map(|(id, _)| *id) {
            Some(id) => id,
            None => {
                let id = self.new_id(Meaning::Computed);
                self.level().aggregates.push((id, aggregate));
                id
            }
        };
        Ok(Expr { kind: ExprKind::Column(id), ty, position })
    }

    fn aggregate_order(&mut self, extras: &Extras<'_>, args: &[Expr]) -> Result<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(extras.order.len());
        for key in extras.order {
            let (descending, nulls_first) = self.direction(key)?;
            let expr = self.expr(&key.expr)?;
            let mut expr = self.resolve_unknown(expr)?;
            if extras.distinct {
                let known = args.iter().find(|arg| same(arg, &expr) || same(uncast(arg), &expr));
                expr = known.cloned().ok_or_else(|| {
                    Error::from(QueryError::AggregateDistinctOrder).at(expr.position)
                })?;
            }
            keys.push(SortKey { expr, descending, nulls_first });
        }
        Ok(keys)
    }

    /// Refuses an aggregate inside of an aggregate, and one of an outer query's columns only.
    fn check_level(
        &mut self,
        args: &[Expr],
        filter: Option<&Expr>,
        position: Option<u32>,
    ) -> Result<()> {
        let (mut own, mut outer, mut nested) = (false, false, false);
        let top = self.levels.len().saturating_sub(1);
        let level = self.level();
        for expr in args.iter().chain(filter) {
            columns(expr, &mut |id| {
                if level.aggregates.iter().any(|(known, _)| *known == id) {
                    nested = true;
                } else if level.outer.iter().any(|used| used.id == id && used.level < top) {
                    outer = true;
                } else {
                    own = true;
                }
            });
        }
        if nested {
            let inner = args.iter().find_map(|arg| self.aggregate_position(arg));
            return Err(Error::from(QueryError::NestedAggregate).at(inner.or(position)));
        }
        if outer && !own {
            return Err(unsupported("an aggregate of an outer query's columns", position));
        }
        Ok(())
    }

    fn aggregate_position(&self, expr: &Expr) -> Option<u32> {
        if let ExprKind::Column(id) = expr.kind {
            let level = self.levels.last()?;
            return level
                .aggregates
                .iter()
                .any(|(known, _)| *known == id)
                .then_some(expr.position)?;
        }
        let mut found = None;
        expr.each_child(&mut |child| {
            found = found.or_else(|| self.aggregate_position(child));
        });
        found
    }
}

/// What an argument was before it became one of the declared type.
fn uncast(arg: &Expr) -> &Expr {
    match &arg.kind {
        ExprKind::Relabel(inner) => uncast(inner),
        ExprKind::Call { function, args } => match args.as_slice() {
            [inner] if is_cast(function, inner.ty, arg.ty) => uncast(inner),
            _ => arg,
        },
        _ => arg,
    }
}

fn is_cast(function: &Function, from: Type, to: Type) -> bool {
    function::cast(from, to).is_some_and(|cast| {
        let by_it = matches!(cast.method, CastMethod::Function(oid) if oid == function.oid);
        by_it && cast.context == CastContext::Implicit
    })
}

fn same_aggregate(a: &Aggregate, b: &Aggregate) -> bool {
    a.function.oid == b.function.oid
        && a.distinct == b.distinct
        && a.order.is_empty()
        && b.order.is_empty()
        && a.args.len() == b.args.len()
        && a.args.iter().zip(&b.args).all(|(a, b)| same(a, b))
        && !a.args.iter().chain(&a.filter).any(calls_volatile)
        && match (&a.filter, &b.filter) {
            (None, None) => true,
            (Some(a), Some(b)) => same(a, b),
            _ => false,
        }
}
