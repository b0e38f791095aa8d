//! Local stand-in.
pub struct Options {
    pub verbose: bool,
    pub costs: bool,
    pub buffers: bool,
    pub timing: bool,
    pub planning_ms: Option<f64>,
    pub execution_ms: Option<f64>,
}
pub fn text(
    _: &crate::plan::Node,
    _: &Options,
    _: &dyn Fn(&crate::plan::Node) -> Option<crate::exec::Figures>,
) -> Vec<String> {
    Vec::new()
}
