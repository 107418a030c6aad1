// SPDX-License-Identifier: Apache-2.0

/** What a command is about that is no relation: functions, schemas, roles, … Relations are found by the walk. */
import { type Node, unwrapped } from './tree-node.ts';

/** Where a command's node has the name: a text, a list of its parts, a node, or a list of nodes. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  AlterCollationStmt: ['collname'],
  AlterDatabaseRefreshCollStmt: ['dbname'],
  AlterDatabaseSetStmt: ['dbname'],
  AlterDatabaseStmt: ['dbname'],
  AlterDomainStmt: ['typeName'],
  AlterEnumStmt: ['typeName'],
  AlterEventTrigStmt: ['trigname'],
  AlterExtensionContentsStmt: ['extname'],
  AlterExtensionStmt: ['extname'],
  AlterFdwStmt: ['fdwname'],
  AlterForeignServerStmt: ['servername'],
  AlterFunctionStmt: ['func'],
  AlterOpFamilyStmt: ['opfamilyname'],
  AlterOperatorStmt: ['opername'],
  AlterPublicationStmt: ['pubname'],
  AlterRoleSetStmt: ['role'],
  AlterRoleStmt: ['role'],
  AlterStatsStmt: ['defnames'],
  AlterSubscriptionStmt: ['subname'],
  AlterTSConfigurationStmt: ['cfgname'],
  AlterTSDictionaryStmt: ['dictname'],
  AlterTableMoveAllStmt: ['orig_tablespacename'],
  AlterTableSpaceOptionsStmt: ['tablespacename'],
  AlterTypeStmt: ['typeName'],
  AlterUserMappingStmt: ['servername'],
  CreateAmStmt: ['amname'],
  CreateConversionStmt: ['conversion_name'],
  CreateDomainStmt: ['domainname'],
  CreateEnumStmt: ['typeName'],
  CreateEventTrigStmt: ['trigname'],
  CreateExtensionStmt: ['extname'],
  CreateFdwStmt: ['fdwname'],
  CreateForeignServerStmt: ['servername'],
  CreateFunctionStmt: ['funcname'],
  CreateOpClassStmt: ['opclassname'],
  CreateOpFamilyStmt: ['opfamilyname'],
  CreatePLangStmt: ['plname'],
  CreatePublicationStmt: ['pubname'],
  CreateRangeStmt: ['typeName'],
  CreateRoleStmt: ['role'],
  CreateSchemaStmt: ['schemaname'],
  CreateStatsStmt: ['defnames'],
  CreateSubscriptionStmt: ['subname'],
  CreateTableSpaceStmt: ['tablespacename'],
  CreateUserMappingStmt: ['servername'],
  CreatedbStmt: ['dbname'],
  DeallocateStmt: ['name'],
  DefineStmt: ['defnames'],
  DropRoleStmt: ['roles'],
  DropSubscriptionStmt: ['subname'],
  DropTableSpaceStmt: ['tablespacename'],
  DropUserMappingStmt: ['servername'],
  DropdbStmt: ['dbname'],
  ExecuteStmt: ['name'],
  GrantStmt: ['objects'],
  ImportForeignSchemaStmt: ['remote_schema'],
  ListenStmt: ['conditionname'],
  NotifyStmt: ['conditionname'],
  ReindexStmt: ['name'],
  UnlistenStmt: ['conditionname'],
  VariableShowStmt: ['name'],
};

/** The names that a node of `type` has in fields of its own. */
export function namedBy(type: string, node: Node): readonly string[] {
  switch (type) {
    case 'DropStmt':
      return dropped(node);
    case 'VariableSetStmt':
      return setVariable(node);
    case 'CallStmt':
      return namesIn((node['funccall'] as Node | undefined)?.['funcname'], false);
    case 'CommentStmt':
    case 'SecLabelStmt':
      return about(node['objtype'], node['object']);
    case 'AlterOwnerStmt':
    case 'AlterObjectSchemaStmt':
      return node['relation'] === undefined ? about(node['objectType'], node['object']) : [];
    case 'AlterObjectDependsStmt':
      return node['relation'] === undefined ? about(node['objectType'], node['object']) : [];
    case 'RenameStmt':
      if (node['relation'] !== undefined) return [];
      return node['object'] === undefined ? namesIn(node['subname'], false) : about(node['renameType'], node['object']);
    default:
      return (FIELDS[type] ?? []).flatMap((field) => namesIn(node[field], LISTS.has(type)));
  }
}

/** SET ROLE x is about x. */
function setVariable(node: Node): readonly string[] {
  const name = node['name'];
  if (name !== 'role' && name !== 'session_authorization') return namesIn(name, false);
  const [value] = (node['args'] ?? []) as readonly Node[];
  return namesIn((unwrapped(value)[1]?.['sval'] as Node | undefined)?.['sval'], false);
}

/** Their fields hold several objects, and not the parts of one name. */
const LISTS: ReadonlySet<string> = new Set(['GrantStmt', 'DropRoleStmt']);

/** Objects that belong to a relation, which is named before them: it is what is touched. */
const OF_A_RELATION: ReadonlySet<unknown> = new Set([
  'OBJECT_COLUMN',
  'OBJECT_POLICY',
  'OBJECT_RULE',
  'OBJECT_TABCONSTRAINT',
  'OBJECT_TRIGGER',
]);
/** Their parts are no name: types, methods, languages. */
const NAMELESS: ReadonlySet<unknown> = new Set(['OBJECT_CAST', 'OBJECT_TRANSFORM']);
/** Named behind the access method that they are of. */
const OF_A_METHOD: ReadonlySet<unknown> = new Set(['OBJECT_OPCLASS', 'OBJECT_OPFAMILY']);

function dropped(node: Node): readonly string[] {
  return ((node['objects'] ?? []) as readonly Node[]).flatMap((object) => about(node['removeType'], object));
}

function about(objectType: unknown, object: unknown): readonly string[] {
  if (NAMELESS.has(objectType)) return [];
  const parts = partsOf(object);
  if (OF_A_METHOD.has(objectType)) return [parts.slice(1).join('.')];
  const name = (OF_A_RELATION.has(objectType) ? parts.slice(0, -1) : parts).join('.');
  return name === '' ? [] : [name];
}

function namesIn(value: unknown, isList: boolean): readonly string[] {
  if (isList && Array.isArray(value)) return value.flatMap((one) => namesIn(one, false));
  const name = partsOf(value).join('.');
  return name === '' ? [] : [name];
}

/** The parts of a name, of whatever kind of node it is made. */
function partsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(partsOf);
  if (typeof value !== 'object' || value === null) return [];
  const node = value as Node;
  for (const field of ['sval', 'objname', 'names', 'items', 'rolename'] as const) {
    if (node[field] !== undefined) return partsOf(node[field]);
  }
  const [type, inner] = unwrapped(node);
  return type === 'String' || type === 'List' || type === 'ObjectWithArgs' || type === 'TypeName' || type === 'RoleSpec'
    ? partsOf(inner)
    : [];
}
