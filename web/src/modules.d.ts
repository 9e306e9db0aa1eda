// The types of imports that esbuild's loaders handle.
declare module '*.graphql' {
  const text: string;
  export default text;
}
declare module '*.css';
