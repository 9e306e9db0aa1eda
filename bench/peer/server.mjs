// Serves @neo4j/graphql with Apollo Server, as its users would set it up for the
// benchmark's query. NEO4J_URL is the URL of the database, NAMESPACE the namespace of
// the graph in it. Prints its URL when it is ready.
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { Neo4jGraphQL } from "@neo4j/graphql";
import neo4j from "neo4j-driver";

// One @cypher field returns the whole closure with one statement. Nested relationship
// fields would fix the depth in the query and return a node once per path. The
// statement visits every node once (the planner uses VarLengthExpand(Pruning,BFS))
// and collects its outgoing edges.
const typeDefs = /* GraphQL */ `
  type ClosureNode {
    id: ID!
    kind: String!
    name: String!
  }

  type ClosureEdge {
    from: ID!
    to: ID!
    kind: String!
  }

  type Closure {
    nodes: [ClosureNode!]!
    edges: [ClosureEdge!]!
  }

  type Query {
    closure(id: ID!): Closure
      @cypher(
        statement: """
        MATCH (a:Node {key: '${process.env.NAMESPACE ?? ""}|' + $id})-[*0..20]->(f)
        WITH DISTINCT f
        WITH f, COLLECT { MATCH (f)-[r]->(t) RETURN { from: f.id, to: t.id, kind: type(r) } } AS out
        WITH collect({ id: f.id, kind: f.kind, name: f.name }) AS nodes, collect(out) AS outs
        RETURN { nodes: nodes, edges: reduce(all = [], o IN outs | all + o) } AS closure
        """
        columnName: "closure"
      )
  }
`;

const driver = neo4j.driver(process.env.NEO4J_URL, neo4j.auth.basic("neo4j", "none"));
const schema = await new Neo4jGraphQL({ typeDefs, driver }).getSchema();
const server = new ApolloServer({ schema, introspection: false });
const { url } = await startStandaloneServer(server, {
  listen: { host: "127.0.0.1", port: 0 },
  context: async () => ({ executionContext: driver, sessionConfig: { database: "neo4j" } }),
});
console.log(`serving on ${url}`);
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    await server.stop();
    await driver.close();
    process.exit(0);
  });
}
