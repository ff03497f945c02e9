//! What expressions say about columns.

use std::collections::BTreeSet;

use sqlite3_parser::ast::{As, Expr, FunctionCallOrder, Name, Operator, Over};

/// Columns whose value is that of a bound parameter: alias and name.
pub type Pinned = BTreeSet<(String, String)>;

/// What one `SELECT`, `UPDATE` or `DELETE` reads from.
#[derive(Default)]
pub struct Sources {
    /// Alias and table; no table for subqueries, common table expressions and functions.
    pub tables: Vec<(String, Option<String>)>,
}

impl Sources {
    /// The column that an expression is, if it is one and can be told which.
    pub fn column(&self, expression: &Expr) -> Option<(String, String)> {
        match expression {
            Expr::Qualified(table, column) | Expr::DoublyQualified(_, table, column) => {
                Some((text(table.0), text(column.0)))
            }
            Expr::Id(column) => self.unqualified(column.0),
            Expr::Name(column) => self.unqualified(column.0),
            Expr::Parenthesized(inner) => match inner.as_slice() {
                [expression] => self.column(expression),
                _ => None,
            },
            _ => None,
        }
    }

    /// A bare name is certain only when there is one source.
    fn unqualified(&self, column: &str) -> Option<(String, String)> {
        match self.tables.as_slice() {
            [(alias, _)] => Some((alias.clone(), text(column))),
            _ => None,
        }
    }

    pub fn is_pinned(&self, expression: &Expr, pinned: &Pinned) -> bool {
        match expression {
            Expr::Variable(_) => true,
            Expr::Parenthesized(inner) if inner.len() == 1 => {
                inner.iter().all(|e| self.is_pinned(e, pinned))
            }
            other => self.column(other).is_some_and(|column| pinned.contains(&column)),
        }
    }
}

/// A term that is true of every row: `=` between two expressions. `only` names the alias that it may pin, for the condition of a left join,
/// which says nothing of the rows on the left.
pub struct Equality<'a> {
    pub left: &'a Expr<'a>,
    pub right: &'a Expr<'a>,
    pub only: Option<String>,
}

/// The expressions directly in one that is no subquery.
pub fn children<'a>(expression: &'a Expr<'a>) -> Vec<&'a Expr<'a>> {
    match expression {
        Expr::Between { lhs, start, end, .. } => vec![lhs, start, end],
        Expr::Binary(left, _, right) => vec![left, right],
        Expr::Case { base, when_then_pairs, else_expr } => {
            let pairs = when_then_pairs.iter().flat_map(|(when, then)| [when, then]);
            base.iter().chain(else_expr).copied().chain(pairs).collect()
        }
        Expr::Cast { expr, .. }
        | Expr::Collate(expr, _)
        | Expr::IsNull(expr)
        | Expr::NotNull(expr)
        | Expr::Unary(_, expr) => {
            vec![expr]
        }
        Expr::FunctionCall { args, order_by, filter_over, .. } => {
            let mut children: Vec<_> = args.unwrap_or_default().iter().collect();
            if let Some(FunctionCallOrder::SortList(columns)) = order_by {
                children.extend(columns.iter().map(|column| &column.expr));
            }
            if let Some(tail) = filter_over {
                children.extend(tail.filter_clause);
                if let Some(Over::Window(window)) = tail.over_clause {
                    children.extend(window.partition_by.unwrap_or_default());
                    children.extend(
                        window.order_by.unwrap_or_default().iter().map(|column| &column.expr),
                    );
                }
            }
            children
        }
        Expr::InList { lhs, rhs, .. } => {
            std::iter::once(*lhs).chain(rhs.unwrap_or_default()).collect()
        }
        Expr::Like { lhs, rhs, escape, .. } => [*lhs, *rhs].into_iter().chain(*escape).collect(),
        Expr::Parenthesized(inner) => inner.iter().collect(),
        _ => Vec::new(),
    }
}

/// The equalities among the terms that a condition demands all of.
pub fn conjuncts<'a>(
    condition: &'a Expr<'a>,
    only: Option<&str>,
    equalities: &mut Vec<Equality<'a>>,
) {
    match condition {
        Expr::Binary(left, Operator::And, right) => {
            conjuncts(left, only, equalities);
            conjuncts(right, only, equalities);
        }
        Expr::Binary(left, Operator::Equals, right) => {
            equalities.push(Equality { left, right, only: only.map(str::to_owned) });
        }
        Expr::Parenthesized(inner) => {
            if let [term] = inner.as_slice() {
                conjuncts(term, only, equalities);
            }
        }
        _ => {}
    }
}

pub fn alias_text(alias: &As) -> String {
    let (As::As(Name(name)) | As::Elided(Name(name))) = alias;
    text(name)
}

/// A name in the one form that is compared: SQLite ignores quotes and case.
pub fn text(name: &str) -> String {
    name.trim_matches(['"', '`', '[', ']', '\'']).to_ascii_lowercase()
}
