// Judges requests with graphql-js, the reference implementation. It reads {sdl, cases} from standard input and writes,
// for each case, the reason for a refusal, or the arguments of the operation's fields by their path.
// Its argument is the path of a package.json beside which graphql is installed.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(process.argv[2]);
const { GraphQLError, Kind, buildSchema, getNamedType, getOperationAST, isInputObjectType, isListType, isNonNullType, parse, validate } = require('graphql');
const { getArgumentValues, getVariableValues } = require('graphql/execution/values');
const { TypeInfo, visit, visitWithTypeInfo } = require('graphql');

const { sdl, cases } = JSON.parse(readFileSync(0, 'utf8'));
const schema = buildSchema(sdl);

const wrong = (value) => { throw new GraphQLError(`wrong value ${JSON.stringify(value)}`); };
const literal = (kinds, read) => (node) => (kinds.includes(node.kind) ? read(node.value) : wrong(node.kind));
const RFC3339 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))?$/i;
const time = (value) => (typeof value === 'string' && RFC3339.test(value) && !Number.isNaN(Date.parse(value.toUpperCase())) ? value : wrong(value));
const int64 = (value) => {
  const text = typeof value === 'number' && Number.isInteger(value) ? BigInt(value).toString() : value;
  if (typeof text !== 'string' || !/^-?(0|[1-9]\d*)$/.test(text) || BigInt.asIntN(64, BigInt(text)) !== BigInt(text)) wrong(value);
  return BigInt(text).toString();
};
Object.assign(schema.getType('DateTime'), { parseValue: time, parseLiteral: literal([Kind.STRING], time) });
Object.assign(schema.getType('Int64'), { parseValue: int64, parseLiteral: literal([Kind.STRING, Kind.INT], int64) });

/** Replaces null by the default of its place, as the server does. */
function leftOut(type, value) {
  const bare = isNonNullType(type) ? type.ofType : type;
  if (value == null) return null;
  if (isListType(bare)) return value.map((item) => leftOut(bare.ofType, item));
  if (!isInputObjectType(bare)) return value;
  return withDefaults(Object.values(bare.getFields()), value);
}

function withDefaults(places, values) {
  const out = {};
  for (const { name, type, defaultValue } of places) {
    const value = values[name] ?? defaultValue;
    if (value != null) out[name] = leftOut(type, value);
  }
  return out;
}

function judge({ query, operationName, variables }) {
  const doc = parse(query);
  const [error] = validate(schema, doc, undefined, { maxErrors: 1 });
  if (error) throw error;
  const operation = getOperationAST(doc, operationName || null);
  if (!operation) throw new GraphQLError('no such operation');
  const { errors, coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {});
  if (errors) throw errors[0];
  const args = {};
  const info = new TypeInfo(schema);
  const path = [];
  visit(operation, visitWithTypeInfo(info, {
    Field: {
      enter(node) {
        path.push((node.alias ?? node.name).value);
        const def = info.getFieldDef();
        if (!def) throw new GraphQLError('no such root type');
        args[path.join('.')] = withDefaults(def.args, getArgumentValues(def, node, coerced));
      },
      leave() { path.pop(); },
    },
  }));
  return { args };
}

process.stdout.write(JSON.stringify(cases.map((request) => {
  try {
    return judge(request);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    return { refused: error.message };
  }
})));
