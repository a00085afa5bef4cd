import { posix } from 'node:path';
import ts from 'typescript';

export type ImportKind = 'runs' | 'loads' | 'types';

export interface Import {
  readonly kind: ImportKind;
  /** A path below the root where the import is relative, else the package's name (`node:fs`, `@duckdb/node-api`). */
  readonly target: string;
  readonly ours: boolean;
}

/** Every import of a file. Those that the compiler erases count as types. */
export function importsOf(path: string, source: string): Import[] {
  const found: Import[] = [];
  const add = (kind: ImportKind, name: ts.Node): void => {
    if (ts.isStringLiteralLike(name)) found.push({ kind, ...resolve(path, name.text) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(isErased(node.importClause) ? 'types' : 'runs', node.moduleSpecifier);
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier) add(isErasedExport(node) ? 'types' : 'runs', node.moduleSpecifier);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add('types', node.argument.literal);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0]) add('loads', node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true));
  return found;
}

function isErased(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  if (clause.name || !named || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every(({ isTypeOnly }) => isTypeOnly);
}

function isErasedExport({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  if (isTypeOnly) return true;
  return exportClause !== undefined && ts.isNamedExports(exportClause) && exportClause.elements.length > 0 && exportClause.elements.every((element) => element.isTypeOnly);
}

function resolve(from: string, name: string): Pick<Import, 'target' | 'ours'> {
  if (name.startsWith('#embedded/')) return { target: name.replace('#embedded/', 'src/embedded/'), ours: true };
  if (name.startsWith('.')) return { target: posix.normalize(posix.join(posix.dirname(from), name)).replace(/\.js$/, '.ts'), ours: true };
  const depth = name.startsWith('@') ? 2 : 1;
  return { target: name.startsWith('node:') ? name : name.split('/').slice(0, depth).join('/'), ours: false };
}
