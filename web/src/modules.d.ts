// What esbuild's loaders give for imports that are not TypeScript.
declare module '*.graphql' {
  const text: string;
  export default text;
}
declare module '*.css';
