// SPDX-License-Identifier: Apache-2.0

/** The name of a command in SQL's words, by the type of its node: CreateStmt is CREATE TABLE. */
import { isAnalyzed, type Node } from './tree-node.ts';

type Words = string | ((node: Node) => string);

const ALTERS = (field: string) => (node: Node) => `ALTER ${objectWords(node[field])}`;
const ROLE_WORDS: Readonly<Record<string, string>> = {
  ROLESTMT_ROLE: 'ROLE',
  ROLESTMT_USER: 'USER',
  ROLESTMT_GROUP: 'GROUP',
};

const WORDS: Readonly<Record<string, Words>> = {
  SelectStmt: (node) => (leftmost(node)['intoClause'] === undefined ? 'SELECT' : 'SELECT INTO'),
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
  ExplainStmt: (node) => (isAnalyzed(node) ? 'EXPLAIN ANALYZE' : 'EXPLAIN'),
  CopyStmt: 'COPY',
  CallStmt: 'CALL',
  DoStmt: 'DO',
  PrepareStmt: 'PREPARE',
  ExecuteStmt: 'EXECUTE',
  DeallocateStmt: 'DEALLOCATE',
  DeclareCursorStmt: 'DECLARE',
  FetchStmt: (node) => (node['ismove'] === true ? 'MOVE' : 'FETCH'),
  ClosePortalStmt: 'CLOSE',
  TransactionStmt: (node) => TRANSACTIONS[String(node['kind'])] ?? 'BEGIN',
  VariableSetStmt: variableWords,
  VariableShowStmt: 'SHOW',
  AlterSystemStmt: 'ALTER SYSTEM',
  ConstraintsSetStmt: 'SET CONSTRAINTS',
  DiscardStmt: 'DISCARD',
  ListenStmt: 'LISTEN',
  NotifyStmt: 'NOTIFY',
  UnlistenStmt: 'UNLISTEN',
  LockStmt: 'LOCK',
  LoadStmt: 'LOAD',
  CheckPointStmt: 'CHECKPOINT',
  TruncateStmt: 'TRUNCATE',
  VacuumStmt: (node) => (node['is_vacuumcmd'] === true ? 'VACUUM' : 'ANALYZE'),
  ClusterStmt: 'CLUSTER',
  ReindexStmt: 'REINDEX',
  CommentStmt: 'COMMENT',
  SecLabelStmt: 'SECURITY LABEL',
  RefreshMatViewStmt: 'REFRESH MATERIALIZED VIEW',
  ImportForeignSchemaStmt: 'IMPORT FOREIGN SCHEMA',
  GrantStmt: (node) => (node['is_grant'] === true ? 'GRANT' : 'REVOKE'),
  GrantRoleStmt: (node) => (node['is_grant'] === true ? 'GRANT' : 'REVOKE'),
  AlterDefaultPrivilegesStmt: 'ALTER DEFAULT PRIVILEGES',
  DropOwnedStmt: 'DROP OWNED',
  ReassignOwnedStmt: 'REASSIGN OWNED',
  DropStmt: (node) => `DROP ${objectWords(node['removeType'])}`,
  DropRoleStmt: 'DROP ROLE',
  DropdbStmt: 'DROP DATABASE',
  DropSubscriptionStmt: 'DROP SUBSCRIPTION',
  DropTableSpaceStmt: 'DROP TABLESPACE',
  DropUserMappingStmt: 'DROP USER MAPPING',
  CreateStmt: 'CREATE TABLE',
  CreateForeignTableStmt: 'CREATE FOREIGN TABLE',
  CreateTableAsStmt: (node) =>
    node['objtype'] === 'OBJECT_MATVIEW'
      ? 'CREATE MATERIALIZED VIEW'
      : node['is_select_into'] === true
        ? 'SELECT INTO'
        : 'CREATE TABLE AS',
  ViewStmt: 'CREATE VIEW',
  IndexStmt: 'CREATE INDEX',
  CreateSeqStmt: 'CREATE SEQUENCE',
  CreateSchemaStmt: 'CREATE SCHEMA',
  CreateFunctionStmt: (node) => (node['is_procedure'] === true ? 'CREATE PROCEDURE' : 'CREATE FUNCTION'),
  CreateTrigStmt: 'CREATE TRIGGER',
  CreateEventTrigStmt: 'CREATE EVENT TRIGGER',
  CreatePolicyStmt: 'CREATE POLICY',
  RuleStmt: 'CREATE RULE',
  CreateRoleStmt: (node) => `CREATE ${ROLE_WORDS[String(node['stmt_type'])] ?? 'ROLE'}`,
  CreatedbStmt: 'CREATE DATABASE',
  CreateDomainStmt: 'CREATE DOMAIN',
  CreateEnumStmt: 'CREATE TYPE',
  CreateRangeStmt: 'CREATE TYPE',
  CompositeTypeStmt: 'CREATE TYPE',
  DefineStmt: (node) => `CREATE ${objectWords(node['kind'])}`,
  CreateExtensionStmt: 'CREATE EXTENSION',
  CreateFdwStmt: 'CREATE FOREIGN DATA WRAPPER',
  CreateForeignServerStmt: 'CREATE SERVER',
  CreateUserMappingStmt: 'CREATE USER MAPPING',
  CreateTableSpaceStmt: 'CREATE TABLESPACE',
  CreateStatsStmt: 'CREATE STATISTICS',
  CreatePublicationStmt: 'CREATE PUBLICATION',
  CreateSubscriptionStmt: 'CREATE SUBSCRIPTION',
  CreatePLangStmt: 'CREATE LANGUAGE',
  CreateAmStmt: 'CREATE ACCESS METHOD',
  CreateCastStmt: 'CREATE CAST',
  CreateConversionStmt: 'CREATE CONVERSION',
  CreateOpClassStmt: 'CREATE OPERATOR CLASS',
  CreateOpFamilyStmt: 'CREATE OPERATOR FAMILY',
  CreateTransformStmt: 'CREATE TRANSFORM',
  AlterTableStmt: ALTERS('objtype'),
  RenameStmt: (node) =>
    `ALTER ${objectWords(node['renameType'] === 'OBJECT_COLUMN' ? node['relationType'] : node['renameType'])}`,
  AlterOwnerStmt: ALTERS('objectType'),
  AlterObjectSchemaStmt: ALTERS('objectType'),
  AlterObjectDependsStmt: ALTERS('objectType'),
  AlterFunctionStmt: ALTERS('objtype'),
  AlterCollationStmt: 'ALTER COLLATION',
  AlterDatabaseRefreshCollStmt: 'ALTER DATABASE',
  AlterDatabaseSetStmt: 'ALTER DATABASE',
  AlterDatabaseStmt: 'ALTER DATABASE',
  AlterDomainStmt: 'ALTER DOMAIN',
  AlterEnumStmt: 'ALTER TYPE',
  AlterEventTrigStmt: 'ALTER EVENT TRIGGER',
  AlterExtensionContentsStmt: 'ALTER EXTENSION',
  AlterExtensionStmt: 'ALTER EXTENSION',
  AlterFdwStmt: 'ALTER FOREIGN DATA WRAPPER',
  AlterForeignServerStmt: 'ALTER SERVER',
  AlterOpFamilyStmt: 'ALTER OPERATOR FAMILY',
  AlterOperatorStmt: 'ALTER OPERATOR',
  AlterPolicyStmt: 'ALTER POLICY',
  AlterPublicationStmt: 'ALTER PUBLICATION',
  AlterRoleSetStmt: 'ALTER ROLE',
  AlterRoleStmt: 'ALTER ROLE',
  AlterSeqStmt: 'ALTER SEQUENCE',
  AlterStatsStmt: 'ALTER STATISTICS',
  AlterSubscriptionStmt: 'ALTER SUBSCRIPTION',
  AlterTSConfigurationStmt: 'ALTER TEXT SEARCH CONFIGURATION',
  AlterTSDictionaryStmt: 'ALTER TEXT SEARCH DICTIONARY',
  AlterTableMoveAllStmt: ALTERS('objtype'),
  AlterTableSpaceOptionsStmt: 'ALTER TABLESPACE',
  AlterTypeStmt: 'ALTER TYPE',
  AlterUserMappingStmt: 'ALTER USER MAPPING',
};

const TRANSACTIONS: Readonly<Record<string, string>> = {
  TRANS_STMT_START: 'START TRANSACTION',
  TRANS_STMT_COMMIT: 'COMMIT',
  TRANS_STMT_ROLLBACK: 'ROLLBACK',
  TRANS_STMT_SAVEPOINT: 'SAVEPOINT',
  TRANS_STMT_RELEASE: 'RELEASE',
  TRANS_STMT_ROLLBACK_TO: 'ROLLBACK TO',
  TRANS_STMT_PREPARE: 'PREPARE TRANSACTION',
  TRANS_STMT_COMMIT_PREPARED: 'COMMIT PREPARED',
  TRANS_STMT_ROLLBACK_PREPARED: 'ROLLBACK PREPARED',
};

/** Types of object whose words are not those of their constant. */
const OBJECTS: Readonly<Record<string, string>> = {
  OBJECT_ATTRIBUTE: 'TYPE',
  OBJECT_DOMCONSTRAINT: 'DOMAIN',
  OBJECT_FDW: 'FOREIGN DATA WRAPPER',
  OBJECT_FOREIGN_SERVER: 'SERVER',
  OBJECT_LARGEOBJECT: 'LARGE OBJECT',
  OBJECT_MATVIEW: 'MATERIALIZED VIEW',
  OBJECT_OPCLASS: 'OPERATOR CLASS',
  OBJECT_OPFAMILY: 'OPERATOR FAMILY',
  OBJECT_STATISTIC_EXT: 'STATISTICS',
  OBJECT_TABCONSTRAINT: 'TABLE',
  OBJECT_TSCONFIGURATION: 'TEXT SEARCH CONFIGURATION',
  OBJECT_TSDICTIONARY: 'TEXT SEARCH DICTIONARY',
  OBJECT_TSPARSER: 'TEXT SEARCH PARSER',
  OBJECT_TSTEMPLATE: 'TEXT SEARCH TEMPLATE',
};

function objectWords(type: unknown): string {
  return OBJECTS[String(type)] ?? String(type).replace('OBJECT_', '').replaceAll('_', ' ');
}

/** The first SELECT of a UNION: the one that may have an INTO. */
function leftmost(node: Node): Node {
  let left = node;
  for (let next = left['larg']; next !== undefined; next = left['larg']) left = next as Node;
  return left;
}

function variableWords(node: Node): string {
  const kind = String(node['kind']);
  const verb = kind.startsWith('VAR_RESET') || kind === 'VAR_SET_DEFAULT_BY_RESET' ? 'RESET' : 'SET';
  const name = String(node['name'] ?? '');
  if (kind === 'VAR_SET_MULTI')
    return name === 'SESSION CHARACTERISTICS' ? 'SET SESSION CHARACTERISTICS' : 'SET TRANSACTION';
  if (name === 'role') return `${verb} ROLE`;
  if (name === 'session_authorization') return `${verb} SESSION AUTHORIZATION`;
  return verb;
}

/** Words of the same command that say what its node does not. */
const OTHER_WORDS: Readonly<Record<string, readonly string[]>> = {
  SELECT: ['VALUES', 'TABLE'],
  COMMIT: ['END'],
  ROLLBACK: ['ABORT'],
  ANALYZE: ['ANALYSE'],
  'ALTER ROLE': ['ALTER GROUP', 'ALTER USER'],
  'DROP ROLE': ['DROP GROUP', 'DROP USER'],
};

/** undefined for a node that is not known here: a later PostgreSQL's. */
export function commandOf(type: string, node: Node): string | undefined {
  const words = WORDS[type];
  return typeof words === 'function' ? words(node) : words;
}

/** The command as `scanned`, from the text's own first words, when these are words for what the tree says; else as the tree says. */
export function agreed(command: string, scanned: string): string {
  return OTHER_WORDS[command]?.includes(scanned) ? scanned : command;
}
