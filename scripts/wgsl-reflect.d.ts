/** The build of wgsl_reflect that Node can import by name; the package declares types for its main entry only. */
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export { WgslReflect, type FunctionInfo, type VariableInfo } from 'wgsl_reflect';
}
