//! Proves that a statement stays in one account.
//!
//! Each occurrence of a tenant table must have its account column equal to a bound parameter, or equal to a column for which that is
//! proven. Only what is certain counts: terms of a conjunction, `=`, joins that cannot invent rows. Everything else is refused, so that an
//! unusual statement fails here and is rewritten or reviewed.

use std::collections::{BTreeMap, BTreeSet};

use sqlite3_parser::ast::{
    Cmd, CommonTableExpr, Expr, FromClause, InsertBody, JoinConstraint, JoinOperator, JoinType,
    OneSelect, QualifiedName, ResolveType, ResultColumn, Select, SelectTable, Set, SortedColumn,
    Stmt, Upsert, UpsertDo, With,
};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator as _};

use crate::expression::{Equality, Pinned, Sources, alias_text, children, conjuncts, text};

/// Indexes of words, which have no account of their own: index, the table that it is an index of, and the column that is its rowid.
const WORD_INDEXES: [(&str, &str, &str); 2] =
    [("memory_index", "memory", "number"), ("search_index", "search_entry", "id")];

/// Tenant tables with the column that holds their account.
pub type Tenants = BTreeMap<String, String>;

/// Proves that the statement stays in one account.
///
/// # Errors
/// What could not be proven.
pub fn prove(sql: &str, tenants: &Tenants) -> Result<(), Vec<String>> {
    let bump = Bump::new();
    let mut parser = Parser::new(&bump, sql.as_bytes());
    let mut prover = Prover { tenants, derived: BTreeSet::new(), violations: Vec::new() };
    loop {
        match parser.next() {
            Ok(Some(Cmd::Stmt(statement))) => prover.statement(&statement),
            Ok(Some(_)) => prover.violations.push("EXPLAIN is no query".to_owned()),
            Ok(None) => break,
            Err(error) => {
                prover.violations.push(error.to_string());
                break;
            }
        }
    }
    if prover.violations.is_empty() { Ok(()) } else { Err(prover.violations) }
}

struct Prover<'t> {
    tenants: &'t Tenants,
    /// Names of common table expressions, which hide tables of the same name.
    derived: BTreeSet<String>,
    violations: Vec<String>,
}

impl Prover<'_> {
    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Select(select) => self.select(select, &Pinned::new()),
            Stmt::Update {
                with,
                or_conflict,
                tbl_name,
                sets,
                from,
                where_clause,
                returning,
                limit,
                ..
            } => {
                self.with(with.as_ref());
                self.refuse_replace(tbl_name, *or_conflict);
                self.refuse_moving(tbl_name, sets);
                let pinned = self.write(tbl_name, from.as_ref(), where_clause.as_ref());
                for set in *sets {
                    self.expression(&set.expr, &pinned);
                }
                self.columns(returning.unwrap_or_default(), &pinned);
                if let Some(limit) = limit {
                    self.expression(&limit.expr, &pinned);
                }
            }
            Stmt::Delete { with, tbl_name, where_clause, returning, limit, .. } => {
                self.with(with.as_ref());
                let pinned = self.write(tbl_name, None, where_clause.as_ref());
                self.columns(returning.unwrap_or_default(), &pinned);
                if let Some(limit) = limit {
                    self.expression(&limit.expr, &pinned);
                }
            }
            Stmt::Insert { with, or_conflict, tbl_name, columns, body, returning } => {
                self.with(with.as_ref());
                self.refuse_replace(tbl_name, *or_conflict);
                let columns = columns
                    .as_ref()
                    .map(|names| names.iter().map(|name| text(name.0)).collect::<Vec<_>>());
                self.insert(tbl_name, columns.as_deref(), body);
                self.columns(returning.unwrap_or_default(), &Pinned::new());
            }
            // Schema, transactions and pragmas hold no rows of tenants.
            _ => {}
        }
    }

    fn refuse(&mut self, reason: impl Into<String>) {
        self.violations.push(reason.into());
    }

    /// The account column of a tenant table.
    fn key(&self, table: &QualifiedName) -> Option<String> {
        self.tenants.get(&text(table.name.0)).cloned()
    }

    fn refuse_replace(&mut self, table: &QualifiedName, conflict: Option<ResolveType>) {
        if conflict == Some(ResolveType::Replace) && self.key(table).is_some() {
            self.refuse(format!(
                "REPLACE can delete rows of other accounts from {}",
                text(table.name.0)
            ));
        }
    }

    fn refuse_moving(&mut self, table: &QualifiedName, sets: &[Set]) {
        let Some(key) = self.key(table) else { return };
        let moves =
            sets.iter().flat_map(|set| set.col_names.iter()).any(|name| text(name.0) == key);
        if moves {
            self.refuse(format!("rows of {} would change their account", text(table.name.0)));
        }
    }

    fn with(&mut self, with: Option<&With>) {
        let Some(with) = with else { return };
        for CommonTableExpr { tbl_name, select, .. } in with.ctes {
            self.derived.insert(text(tbl_name.0));
            self.select(select, &Pinned::new());
        }
    }

    fn select(&mut self, select: &Select, outer: &Pinned) {
        self.with(select.with.as_ref());
        let compounds = select.body.compounds.iter().flatten().map(|compound| &compound.select);
        let mut pinned = outer.clone();
        for core in std::iter::once(&select.body.select).chain(compounds) {
            pinned = self.core(core, outer).0;
        }
        self.sorted(select.order_by.unwrap_or_default(), &pinned);
        if let Some(limit) = select.limit {
            self.expression(&limit.expr, &pinned);
            limit.offset.iter().for_each(|offset| self.expression(offset, &pinned));
        }
    }

    /// One `SELECT` without its compounds: proves it and says what is pinned in it.
    fn core(&mut self, core: &OneSelect, outer: &Pinned) -> (Pinned, Sources) {
        let OneSelect::Select { columns, from, where_clause, group_by, having, .. } = core else {
            if let OneSelect::Values(rows) = core {
                rows.iter().flatten().for_each(|value| self.expression(value, outer));
            }
            return (outer.clone(), Sources::default());
        };
        let mut sources = Sources::default();
        let mut equalities = Vec::new();
        let mut conditions: Vec<&Expr> = Vec::new();
        if let Some(from) = from {
            self.from(from, &mut sources, &mut equalities, &mut conditions);
        }
        if let Some(condition) = where_clause {
            conjuncts(condition, None, &mut equalities);
            conditions.push(condition);
        }
        let pinned = self.pin(&sources, &equalities, outer);
        for condition in conditions {
            self.expression(condition, &pinned);
        }
        self.columns(columns, &pinned);
        group_by
            .unwrap_or_default()
            .iter()
            .chain(*having)
            .for_each(|e| self.expression(e, &pinned));
        (pinned, sources)
    }

    /// Collects sources and the conditions of joins.
    fn from<'a>(
        &mut self,
        from: &'a FromClause<'a>,
        sources: &mut Sources,
        equalities: &mut Vec<Equality<'a>>,
        conditions: &mut Vec<&'a Expr<'a>>,
    ) {
        if let Some(table) = from.select {
            self.source(table, sources, equalities, conditions);
        }
        for join in from.joins.iter().flatten() {
            self.source(&join.table, sources, equalities, conditions);
            let joined = sources.tables.last().map(|(alias, _)| alias.clone());
            let kind = match join.operator {
                JoinOperator::TypedJoin(Some(kind)) => kind,
                _ => JoinType::INNER,
            };
            if kind.intersects(JoinType::RIGHT | JoinType::NATURAL) {
                self.refuse("right, full and natural joins cannot be proven");
            }
            match &join.constraint {
                Some(JoinConstraint::On(condition)) => {
                    let only = joined.filter(|_| kind.contains(JoinType::LEFT));
                    conjuncts(condition, only.as_deref(), equalities);
                    conditions.push(condition);
                }
                Some(JoinConstraint::Using(_)) => self.refuse("USING cannot be proven; write ON"),
                None => {}
            }
        }
    }

    fn source<'a>(
        &mut self,
        table: &'a SelectTable<'a>,
        sources: &mut Sources,
        equalities: &mut Vec<Equality<'a>>,
        conditions: &mut Vec<&'a Expr<'a>>,
    ) {
        match table {
            SelectTable::Table(name, alias, _) => {
                let table = text(name.name.0);
                let alias = alias.as_ref().map_or_else(|| table.clone(), alias_text);
                let is_table = name.db_name.is_some() || !self.derived.contains(&table);
                sources.tables.push((alias, is_table.then_some(table)));
            }
            SelectTable::TableCall(name, arguments, alias) => {
                let alias = alias.as_ref().map_or_else(|| text(name.name.0), alias_text);
                sources.tables.push((alias, None));
                conditions.extend(arguments.unwrap_or_default());
            }
            SelectTable::Select(select, alias) => {
                self.select(select, &Pinned::new());
                sources.tables.push((alias.as_ref().map_or_else(String::new, alias_text), None));
            }
            SelectTable::Sub(from, _) => self.from(from, sources, equalities, conditions),
        }
    }

    /// Everything that follows to be pinned, and the proof that every tenant table among the sources is.
    fn pin(&mut self, sources: &Sources, equalities: &[Equality], outer: &Pinned) -> Pinned {
        // An alias in here hides the same alias outside.
        let hidden = |alias: &String| sources.tables.iter().any(|(own, _)| own == alias);
        let mut pinned: Pinned =
            outer.iter().filter(|(alias, _)| !hidden(alias)).cloned().collect();
        loop {
            let before = pinned.len();
            for Equality { left, right, only } in equalities {
                for (column, value) in [(left, right), (right, left)] {
                    let Some(column) = sources.column(column) else { continue };
                    let may_pin = only.as_ref().is_none_or(|alias| *alias == column.0);
                    if may_pin && sources.is_pinned(value, &pinned) {
                        pinned.insert(column);
                    }
                }
            }
            if pinned.len() == before {
                break;
            }
        }
        for (alias, table) in &sources.tables {
            let Some(key) = table.as_ref().and_then(|table| self.tenants.get(table)) else {
                continue;
            };
            if !pinned.contains(&(alias.clone(), key.clone())) {
                self.refuse(format!("{alias}.{key} is not bound"));
            }
        }
        self.refuse_loose_indexes(sources, equalities, &pinned);
        pinned
    }

    /// Each entry of an index of words must be joined to the row it is about, and that row must be in the account.
    fn refuse_loose_indexes(
        &mut self,
        sources: &Sources,
        equalities: &[Equality],
        pinned: &Pinned,
    ) {
        for (alias, table) in &sources.tables {
            let index = WORD_INDEXES.iter().find(|(index, ..)| table.as_deref() == Some(*index));
            let Some((_, owner, key)) = index else { continue };
            let rowid = Some((alias.clone(), "rowid".to_owned()));
            let is_own = |column: Option<(String, String)>| {
                column.is_some_and(|(owner_alias, name)| {
                    let is_owner = (owner_alias.clone(), Some((*owner).to_owned()));
                    name == *key
                        && sources.tables.contains(&is_owner)
                        && pinned.contains(&(owner_alias, "account_id".to_owned()))
                })
            };
            let is_joined = equalities.iter().any(|Equality { left, right, .. }| {
                let (left, right) = (sources.column(left), sources.column(right));
                (left == rowid && is_own(right.clone())) || (right == rowid && is_own(left))
            });
            if !is_joined {
                self.refuse(format!("{alias} is not joined to a row of {owner} in the account"));
            }
        }
    }

    /// The rows that an `UPDATE` or `DELETE` touches.
    fn write(
        &mut self,
        target: &QualifiedName,
        from: Option<&FromClause>,
        condition: Option<&Expr>,
    ) -> Pinned {
        let table = text(target.name.0);
        let alias = target.alias.as_ref().map_or_else(|| table.clone(), |alias| text(alias.0));
        let mut sources = Sources { tables: vec![(alias, Some(table))] };
        let (mut equalities, mut conditions) = (Vec::new(), Vec::new());
        if let Some(from) = from {
            self.from(from, &mut sources, &mut equalities, &mut conditions);
        }
        if let Some(condition) = condition {
            conjuncts(condition, None, &mut equalities);
            conditions.push(condition);
        }
        let pinned = self.pin(&sources, &equalities, &Pinned::new());
        for condition in conditions {
            self.expression(condition, &pinned);
        }
        pinned
    }

    fn insert(&mut self, target: &QualifiedName, columns: Option<&[String]>, body: &InsertBody) {
        let key = self.key(target);
        let position =
            key.as_ref().and_then(|key| columns?.iter().position(|column| column == key));
        if key.is_some() && position.is_none() {
            self.refuse(format!("{} gets rows without a named account", text(target.name.0)));
        }
        let InsertBody::Select(select, upsert) = body else { return };
        self.with(select.with.as_ref());
        let compounds = select.body.compounds.iter().flatten().map(|compound| &compound.select);
        for core in std::iter::once(&select.body.select).chain(compounds) {
            let (pinned, sources) = self.core(core, &Pinned::new());
            let Some(position) = position else { continue };
            let is_bound = match core {
                OneSelect::Values(rows) => {
                    rows.iter().all(|row| matches!(row.get(position), Some(Expr::Variable(_))))
                }
                OneSelect::Select { columns, .. } => matches!(
                    columns.get(position),
                    Some(ResultColumn::Expr(value, _)) if sources.is_pinned(value, &pinned)
                ),
            };
            if !is_bound {
                self.refuse(format!(
                    "{} gets rows of an account that is not bound",
                    text(target.name.0)
                ));
            }
        }
        self.upsert(target, key.as_deref(), *upsert);
    }

    /// An upsert changes the row that is in the way, which is the account's own only if the account is part of what collides.
    fn upsert(&mut self, target: &QualifiedName, key: Option<&str>, upsert: Option<&Upsert>) {
        let Some(upsert) = upsert else { return };
        if let UpsertDo::Set { sets, where_clause } = &upsert.do_clause {
            let targets = upsert.index.as_ref().map(|index| index.targets).unwrap_or_default();
            let sources = Sources { tables: vec![(String::new(), None)] };
            let names: Vec<_> = targets
                .iter()
                .filter_map(|t| sources.column(&t.expr))
                .map(|(_, name)| name)
                .collect();
            if key.is_some_and(|key| !names.iter().any(|name| name == key)) {
                self.refuse(format!(
                    "a row of {} in another account could be in the way",
                    text(target.name.0)
                ));
            }
            self.refuse_moving(target, sets);
            sets.iter()
                .map(|set| &set.expr)
                .chain(where_clause)
                .for_each(|e| self.expression(e, &Pinned::new()));
        }
        self.upsert(target, key, upsert.next);
    }

    fn columns(&mut self, columns: &[ResultColumn], pinned: &Pinned) {
        for column in columns {
            if let ResultColumn::Expr(expression, _) = column {
                self.expression(expression, pinned);
            }
        }
    }

    fn sorted(&mut self, columns: &[SortedColumn], pinned: &Pinned) {
        for column in columns {
            self.expression(&column.expr, pinned);
        }
    }

    /// Proves the subqueries in an expression. They may use what is pinned around them.
    fn expression(&mut self, expression: &Expr, pinned: &Pinned) {
        match expression {
            Expr::Exists(select) | Expr::Subquery(select) => self.select(select, pinned),
            Expr::InSelect { lhs, rhs, .. } => {
                self.expression(lhs, pinned);
                self.select(rhs, pinned);
            }
            Expr::InTable { lhs, rhs, args, .. } => {
                self.expression(lhs, pinned);
                args.unwrap_or_default().iter().for_each(|e| self.expression(e, pinned));
                if self.key(rhs).is_some() {
                    self.refuse(format!("IN {} reads all accounts", text(rhs.name.0)));
                }
            }
            other => children(other).into_iter().for_each(|child| self.expression(child, pinned)),
        }
    }
}
