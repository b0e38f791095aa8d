//! Function calls: which function is meant, and its arguments in the types it declares.

use super::Analyzer;
use super::candidate::{Selection, select};
use super::coerce::{
    Pathway, bare, can_coerce, category, is_polymorphic, is_polymorphic_array, pathway,
};
use crate::error::{Error, NameError, QueryError, Result, SyntaxError, TypeError};
use crate::expr::function::{self, AggregateFunction, Body, CastContext, Function, Volatility};
use crate::expr::{Expr, ExprKind};
use crate::types::{self, Type, catalog};

/// The most arguments of a call.
const ARGUMENTS_MAX: usize = 100;

/// A function or an aggregate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callable {
    Function(&'static Function),
    Aggregate(&'static AggregateFunction),
}

/// The types that arguments are coerced to.
pub(super) struct Declared {
    pub(super) types: Vec<Type>,
    /// Arguments from here on are repetitions of a VARIADIC one.
    pub(super) variadic: Option<usize>,
}

/// What a call was found to be.
pub(super) enum Resolved {
    Call {
        callable: Callable,
        declared: Declared,
        result: Type,
    },
    /// `int4(x)`: a cast written as a call.
    Cast(Type),
}

/// The types that stand in for the polymorphic ones of a declaration.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bound {
    element: Option<Type>,
}

impl Bound {
    /// The type of an argument or a result as declared.
    pub(super) fn resolve(&self, declared: Type) -> Type {
        match self.element {
            Some(element) if is_polymorphic_array(declared) => element.array().unwrap_or(declared),
            Some(element) if is_polymorphic(declared) => element,
            _ => declared,
        }
    }

    /// Refuses arrays of what has no array type.
    fn check_arrays(&self, declared: &[Type]) -> Result<()> {
        match self.element {
            Some(element)
                if element.array().is_none()
                    && declared.iter().any(|ty| is_polymorphic_array(*ty)) =>
            {
                Err(TypeError::NoArrayType { type_name: types::name(element) }.into())
            }
            _ => Ok(()),
        }
    }
}

/// Works out what the polymorphic types of a declaration stand for. All arguments of ANYELEMENT
/// and of the elements of ANYARRAY must have one type; those of ANYCOMPATIBLE a common one.
pub(super) fn polymorphic(declared: &[Type], arguments: &[Type]) -> Result<Bound> {
    if !declared.iter().any(|ty| is_polymorphic(*ty)) {
        return Ok(Bound::default());
    }
    let mut found: Vec<(Type, Option<u32>)> = Vec::new();
    for (declared, argument) in declared.iter().zip(arguments) {
        if !is_polymorphic(*declared) || *argument == Type::UNKNOWN {
            continue;
        }
        let element = if is_polymorphic_array(*declared) {
            argument.element().ok_or(TypeError::NeedsArray)?
        } else {
            *argument
        };
        found.push((bare(element), None));
    }
    let compatible =
        declared.contains(&Type::ANYCOMPATIBLE) || declared.contains(&Type::ANYCOMPATIBLEARRAY);
    let Some((first, _)) = found.first().copied() else {
        // Literals alone are text.
        let text = Bound { element: Some(Type::TEXT) };
        return if compatible { Ok(text) } else { Err(TypeError::UnknownPolymorphic.into()) };
    };
    let element = if compatible {
        let common = super::unify::common_type(&found);
        let common = common.map_err(|_| TypeError::UnknownPolymorphic)?;
        if !found.iter().all(|(ty, _)| can_coerce(*ty, common, CastContext::Implicit)) {
            return Err(TypeError::UnknownPolymorphic.into());
        }
        common
    } else if found.iter().all(|(ty, _)| *ty == first) {
        first
    } else {
        return Err(TypeError::UnknownPolymorphic.into());
    };
    Ok(Bound { element: Some(element) })
}

impl Callable {
    fn declared(self) -> (&'static [Type], bool, usize) {
        match self {
            Callable::Function(f) => (f.args, f.variadic, f.defaults),
            Callable::Aggregate(f) => (f.args, false, 0),
        }
    }

    fn result(self) -> Type {
        match self {
            Callable::Function(f) => f.result,
            Callable::Aggregate(f) => f.result,
        }
    }
}

/// The declared types for a call of `count` arguments; None when it takes another number.
fn expand(callable: Callable, count: usize) -> Option<Declared> {
    let (args, variadic, defaults) = callable.declared();
    if variadic {
        let fixed = args.len() - 1;
        if count < args.len() {
            return None;
        }
        let repeated = args[fixed].element().unwrap_or(match args[fixed] {
            Type::ANYARRAY => Type::ANYELEMENT,
            other => other,
        });
        let types = args[..fixed].iter().copied().chain((fixed..count).map(|_| repeated));
        return Some(Declared { types: types.collect(), variadic: Some(fixed) });
    }
    let fits = count <= args.len() && count + defaults >= args.len();
    fits.then(|| Declared { types: args[..count].to_vec(), variadic: None })
}

/// Finds the function a call means.
pub(super) fn resolve(name: &str, arguments: &[Type]) -> Result<Resolved> {
    let functions = function::named(name).iter().map(|f| Callable::Function(f));
    let aggregates = function::aggregates(name).iter().map(|f| Callable::Aggregate(f));
    let mut candidates: Vec<(Callable, Declared)> = functions
        .chain(aggregates)
        .filter_map(|callable| Some((callable, expand(callable, arguments.len())?)))
        .collect();
    // A function with a fixed argument list hides a variadic one of the same types.
    candidates.sort_by_key(|(_, declared)| declared.variadic.is_some());
    let exact = candidates.iter().position(|(_, declared)| {
        declared.types.iter().zip(arguments).all(|(d, a)| *d == bare(*a))
    });
    let signature = || {
        let list: Vec<String> = arguments.iter().map(|ty| types::name(bare(*ty))).collect();
        format!("{name}({})", list.join(", "))
    };
    let selection = match exact {
        Some(n) => Selection::One(n),
        None => {
            if let Some(target) = cast_by_call(name, arguments) {
                return Ok(Resolved::Cast(target));
            }
            let declared: Vec<Vec<Type>> =
                candidates.iter().map(|(_, declared)| declared.types.clone()).collect();
            select(&declared, arguments)
        }
    };
    match selection {
        Selection::One(n) => {
            let (callable, declared) = candidates.swap_remove(n);
            let bound = polymorphic(&declared.types, arguments)?;
            let result = bound.resolve(callable.result());
            bound.check_arrays(&declared.types)?;
            let types = declared.types.iter().map(|ty| bound.resolve(*ty)).collect();
            let declared = Declared { types, variadic: declared.variadic };
            Ok(Resolved::Call { callable, declared, result })
        }
        Selection::None if name == "unnest" && arguments.len() > 1 => {
            Err(SyntaxError::unsupported("unnest of several arrays").into())
        }
        Selection::None if function::is_unsupported(name) => {
            Err(SyntaxError::unsupported(format!("function {name}")).into())
        }
        Selection::None => Err(NameError::UndefinedFunction { signature: signature() }.into()),
        Selection::Many => Err(NameError::AmbiguousFunction { signature: signature() }.into()),
    }
}

/// `typename(x)` where the cast needs no function of its own.
fn cast_by_call(name: &str, arguments: &[Type]) -> Option<Type> {
    let [argument] = arguments else { return None };
    let target = catalog::by_name(name).filter(|entry| entry.kind == 'b')?.ty();
    if *argument == Type::UNKNOWN {
        return Some(target);
    }
    match pathway(bare(*argument), target, CastContext::Explicit)? {
        Pathway::Relabel => Some(target),
        Pathway::Text => {
            let string = |ty: Type| category(ty) == 'S';
            (string(target) || !string(*argument)).then_some(target)
        }
        Pathway::Function(_) => None,
    }
}

impl Analyzer<'_> {
    /// Coerces arguments to the types declared.
    pub(super) fn arguments(&mut self, args: Vec<Expr>, declared: &Declared) -> Result<Vec<Expr>> {
        let mut coerced = Vec::with_capacity(args.len());
        for (arg, ty) in args.into_iter().zip(&declared.types) {
            let position = arg.position;
            let found = arg.ty;
            if *ty == Type::ANY {
                coerced.push(arg);
                continue;
            }
            match self.coerce_type(arg, *ty, CastContext::Implicit)? {
                Some(arg) => coerced.push(arg),
                None => {
                    let (from, to) = (types::name(bare(found)), types::name(*ty));
                    return Err(Error::from(TypeError::CannotCast { from, to }).at(position));
                }
            }
        }
        Ok(coerced)
    }

    /// A call of a plain function by name with arguments that are analyzed already.
    pub(super) fn call(
        &mut self,
        name: &str,
        args: Vec<Expr>,
        position: Option<u32>,
    ) -> Result<Expr> {
        if args.len() > ARGUMENTS_MAX {
            let error = QueryError::TooManyArguments { most: ARGUMENTS_MAX };
            return Err(Error::from(error).at(position));
        }
        let types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
        match resolve(name, &types).map_err(|e| e.at(position))? {
            Resolved::Cast(target) => {
                let [arg] = <[Expr; 1]>::try_from(args).map_err(|_| TypeError::NeedsArray)?;
                let mut expr = self.cast(arg, target, position)?;
                expr.position = position;
                Ok(expr)
            }
            Resolved::Call { callable: Callable::Function(function), declared, result } => {
                self.check_set(function, position)?;
                self.volatile_calls += usize::from(function.volatility == Volatility::Volatile);
                let args = self.arguments(args, &declared)?;
                let kind = ExprKind::Call { function, args };
                Ok(Expr { kind, ty: result, position })
            }
            Resolved::Call { callable: Callable::Aggregate(aggregate), declared, result } => {
                let args = self.arguments(args, &declared)?;
                self.aggregate(aggregate, args, result, position)
            }
        }
    }

    /// Refuses a set-returning function where none may stand, and notes it where one may.
    pub(super) fn check_set(&mut self, function: &Function, position: Option<u32>) -> Result<()> {
        if let Body::Scalar(_) = function.body {
            return Ok(());
        }
        let place = self.place();
        if !place.allows_sets() {
            let error = QueryError::SetNotAllowed { place: place.words() };
            return Err(Error::from(error).at(position));
        }
        self.level().returns_sets = true;
        Ok(())
    }
}
