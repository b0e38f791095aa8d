//! The name of an output column that was given none.

use sqlparser::ast;

use crate::parser::fold;

/// What PostgreSQL calls the column of an expression.
pub(super) fn column_name(expr: &ast::Expr) -> String {
    figure(expr).map_or_else(|| "?column?".to_owned(), |(name, _)| name)
}

/// A name, and whether it is more than a guess from a type.
fn figure(expr: &ast::Expr) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    match expr {
        ast::Expr::Identifier(ident) => Some((fold(ident), true)),
        ast::Expr::CompoundIdentifier(idents) => idents.last().map(|ident| (fold(ident), true)),
        ast::Expr::CompoundFieldAccess { root, .. } => figure(root),
        ast::Expr::Function(function) => match function.name.0.last()? {
            ast::ObjectNamePart::Identifier(ident) => Some((fold(ident), true)),
            ast::ObjectNamePart::Function(_) => None,
        },
        ast::Expr::Nested(inner) | ast::Expr::Collate { expr: inner, .. } => figure(inner),
        ast::Expr::Cast { expr, data_type, .. } => figure(expr)
            .filter(|(_, strong)| *strong)
            .or_else(|| Some((type_word(data_type)?, false))),
        ast::Expr::TypedString(string) => Some((type_word(&string.data_type)?, false)),
        ast::Expr::Interval(_) => Some(("interval".to_owned(), false)),
        ast::Expr::Case { else_result, .. } => else_result
            .as_deref()
            .and_then(figure)
            .filter(|(_, strong)| *strong)
            .or_else(|| Some(("case".to_owned(), false))),
        ast::Expr::Exists { negated: false, .. } => strong("exists"),
        ast::Expr::Subquery(query) => match query.body.as_ref() {
            ast::SetExpr::Select(select) => match select.projection.first()? {
                ast::SelectItem::UnnamedExpr(expr) => Some((column_name(expr), true)),
                ast::SelectItem::ExprWithAlias { alias, .. } => Some((fold(alias), true)),
                _ => None,
            },
            ast::SetExpr::Values(_) => strong("column1"),
            _ => None,
        },
        ast::Expr::Array(_) => strong("array"),
        ast::Expr::Tuple(_) => strong("row"),
        ast::Expr::Extract { .. } => strong("extract"),
        ast::Expr::Position { .. } => strong("position"),
        ast::Expr::Substring { shorthand: false, .. } => strong("substring"),
        ast::Expr::Substring { shorthand: true, .. } => strong("substr"),
        ast::Expr::Overlay { .. } => strong("overlay"),
        ast::Expr::Ceil { .. } => strong("ceil"),
        ast::Expr::Floor { .. } => strong("floor"),
        ast::Expr::AtTimeZone { .. } => strong("timezone"),
        ast::Expr::Trim { trim_where, .. } => strong(match trim_where {
            Some(ast::TrimWhereField::Leading) => "ltrim",
            Some(ast::TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        _ => None,
    }
}

/// The name in `pg_type` that a type's syntax stands for.
fn type_word(name: &ast::DataType) -> Option<String> {
    let source = crate::parser::Source::default();
    let ty = super::type_name(name, &source).ok()?;
    let ty = ty.element().unwrap_or(ty);
    crate::types::catalog::by_oid(ty.oid).map(|entry| entry.name.to_owned())
}
