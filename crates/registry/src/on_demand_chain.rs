//! On-demand views that read other on-demand views.
//!
//! They make a graph without cycles. Whoever walks it walks it here: a definition that would close a cycle
//! is refused, and a registry that has one all the same, because something else wrote it, is an error of
//! those who ask and never an endless walk.

use std::collections::HashMap;
use std::sync::Arc;

use larder_core::{
    Error, ErrorKind, FeatureViewProjection, OnDemandFeatureView, OnDemandSource, RequestError,
};

use crate::{INPUT_SCHEMA_SOURCE_PREFIX, RegistrySnapshot, VersionedView};

/// On-demand views of a registry that read each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("on-demand feature views read each other: {path}; apply the definitions again")]
pub struct OnDemandCycle {
    /// The circle: `a -> b -> a`, where each view reads the next.
    pub path: String,
}

impl From<OnDemandCycle> for Error {
    fn from(cycle: OnDemandCycle) -> Self {
        Self::new(ErrorKind::Invalid, cycle)
    }
}

/// Who reads whom in the registry, for one view that reads on-demand views or is read by some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// The view.
    pub view: String,
    /// Its sources of every kind, in the order of definition.
    pub sources: Vec<String>,
    /// The on-demand views that read it, by name.
    pub feeds: Vec<String>,
}

impl RegistrySnapshot {
    /// The on-demand view that a projection names, as it is or as it was in one version. Where nothing is
    /// known of the view's versions, as in definitions that were never applied, it is the one in use.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if there is no such view or version.
    pub fn projected_on_demand_view(
        &self,
        projection: &FeatureViewProjection,
    ) -> Result<&Arc<OnDemandFeatureView>, RequestError> {
        let has_versions = !self.feature_view_versions(&projection.view).is_empty();
        let Some(version) = projection.version.filter(|_| has_versions) else {
            return Ok(&self.on_demand_feature_view(&projection.view)?.object);
        };
        match self.versioned_view(&projection.view, version)? {
            VersionedView::OnDemand(view) => Ok(view),
            VersionedView::Stored(_) => Err(RequestError::OnDemandFeatureViewNotFound {
                view: projection.view.clone(),
                project: self.project.name.clone(),
            }),
        }
    }

    /// `view` and all on-demand views that it reads, directly or through others: each once, after those it
    /// reads, so that `view` is the last. What is read by a view for which `is_read_through` says no is
    /// left out.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the registry lacks one of them; [`OnDemandCycle`].
    pub fn on_demand_chain(
        &self,
        view: &Arc<OnDemandFeatureView>,
        is_read_through: impl Fn(&OnDemandFeatureView) -> bool,
    ) -> larder_core::Result<Vec<Arc<OnDemandFeatureView>>> {
        let mut views = vec![Arc::clone(view)];
        let mut positions = HashMap::from([(Arc::as_ptr(view), 0)]);
        let mut edges: Vec<Vec<usize>> = Vec::new();
        // One list of edges for every view, in the order in which views are found.
        while let Some(next) = views.get(edges.len()).map(Arc::clone) {
            let mut reads = Vec::new();
            let is_open = edges.is_empty() || is_read_through(&next);
            for projection in next.sources.iter().filter_map(OnDemandSource::as_on_demand) {
                if !is_open {
                    break;
                }
                let inner = self.projected_on_demand_view(projection)?;
                reads.push(*positions.entry(Arc::as_ptr(inner)).or_insert_with(|| {
                    views.push(Arc::clone(inner));
                    views.len() - 1
                }));
            }
            edges.push(reads);
        }
        let InnerFirst { order, cycles } = InnerFirst::of(&edges);
        if let Some(cycle) = cycles.first() {
            let names = cycle.iter().filter_map(|at| views.get(*at)).map(|view| view.name.as_str());
            return Err(OnDemandCycle { path: arrows(names) }.into());
        }
        // All others were found from the first view, so it comes last.
        Ok(order.into_iter().filter_map(|at| views.get(at).map(Arc::clone)).collect())
    }

    /// The on-demand views that read on-demand views or are read by some, each after those it reads; empty
    /// where there is no chain. Views in a circle come as they stand.
    pub fn on_demand_chains(&self) -> Vec<ChainLink> {
        let views: Vec<&OnDemandFeatureView> =
            self.on_demand_feature_views().iter().map(|view| view.object.as_ref()).collect();
        let positions: HashMap<&str, usize> =
            views.iter().enumerate().map(|(at, view)| (view.name.as_str(), at)).collect();
        let reads = |view: &OnDemandFeatureView| -> Vec<usize> {
            let named = view.sources.iter().filter_map(OnDemandSource::as_on_demand);
            named.filter_map(|inner| positions.get(inner.view.as_str()).copied()).collect()
        };
        let edges: Vec<Vec<usize>> = views.iter().map(|view| reads(view)).collect();
        let link = |at: usize| {
            let view = views.get(at)?;
            let mut feeds: Vec<String> = views
                .iter()
                .zip(&edges)
                .filter(|(_, reads)| reads.contains(&at))
                .map(|(reader, _)| reader.name.clone())
                .collect();
            feeds.sort();
            let is_linked = !feeds.is_empty() || edges.get(at).is_some_and(|reads| !reads.is_empty());
            let sources = view.sources.iter().map(|source| shown(source.name()).to_owned()).collect();
            is_linked.then(|| ChainLink { view: view.name.clone(), sources, feeds })
        };
        InnerFirst::of(&edges).order.into_iter().filter_map(link).collect()
    }
}

/// What a source is called where a chain is shown: the name of a view's own `input_schema` nobody gave it.
pub(crate) fn shown(source: &str) -> &str {
    if source.starts_with(INPUT_SCHEMA_SOURCE_PREFIX) { "input_schema" } else { source }
}

/// The names of a circle, as messages spell it out.
pub(crate) fn arrows<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" -> ")
}

/// The nodes of a graph, each after those it reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct InnerFirst {
    /// All nodes, each once. Without its last edge, a circle has such an order too.
    pub(crate) order: Vec<usize>,
    /// For every edge that closes a circle the nodes of that circle, each reading the next, from the node
    /// that the edge leads to back to it.
    pub(crate) cycles: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Unseen,
    OnPath,
    Done,
}

impl InnerFirst {
    /// Walks a graph in which node `n` reads the nodes `edges[n]`. Nodes that do not depend on each other
    /// stay in their order. Takes no stack, however long the chain.
    pub(crate) fn of(edges: &[Vec<usize>]) -> Self {
        let mut walk = Self::default();
        let mut marks = vec![Mark::Unseen; edges.len()];
        for root in 0..edges.len() {
            if marks.get(root) == Some(&Mark::Unseen) {
                walk.visit(root, edges, &mut marks);
            }
        }
        walk
    }

    fn visit(&mut self, root: usize, edges: &[Vec<usize>], marks: &mut [Mark]) {
        let mut set = |node: usize, mark: Mark| -> Option<Mark> {
            marks.get_mut(node).map(|known| std::mem::replace(known, mark))
        };
        set(root, Mark::OnPath);
        // A node of the path with the number of its edges already followed.
        let mut path: Vec<(usize, usize)> = vec![(root, 0)];
        while let Some((node, followed)) = path.last_mut() {
            let Some(inner) = edges.get(*node).and_then(|reads| reads.get(*followed)).copied() else {
                set(*node, Mark::Done);
                self.order.push(*node);
                path.pop();
                continue;
            };
            *followed += 1;
            match set(inner, Mark::OnPath) {
                Some(Mark::Unseen) => path.push((inner, 0)),
                Some(Mark::Done) => {
                    set(inner, Mark::Done);
                }
                Some(Mark::OnPath) => {
                    let circle = path.iter().map(|(node, _)| *node).skip_while(|node| *node != inner);
                    self.cycles.push(circle.chain([inner]).collect());
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_circle_is_spelled_out_from_where_it_is_closed() {
        let walk = InnerFirst::of(&[vec![1], vec![2], vec![1], vec![3]]);
        assert_eq!(walk.cycles, [vec![1, 2, 1], vec![3, 3]]);
        assert_eq!(walk.order, [2, 1, 0, 3]);
    }

    #[test]
    fn a_long_chain_takes_no_stack() {
        let edges: Vec<Vec<usize>> =
            (0..1_000_000).map(|node| if node < 999_999 { vec![node + 1] } else { vec![] }).collect();
        let walk = InnerFirst::of(&edges);
        assert_eq!((walk.order.first(), walk.order.len()), (Some(&999_999), 1_000_000));
    }

    /// Whether there is a way from `from` to `to`.
    fn reaches(edges: &[Vec<usize>], from: usize, to: usize) -> bool {
        let mut known = vec![false; edges.len()];
        let mut open = edges[from].clone();
        while let Some(node) = open.pop() {
            if node == to {
                return true;
            }
            if !std::mem::replace(&mut known[node], true) {
                open.extend(&edges[node]);
            }
        }
        false
    }

    proptest! {
        #[test]
        fn every_node_comes_once_after_what_it_reads_and_circles_are_found_exactly_where_there_are_some(
            edges in prop::collection::vec(prop::collection::vec(0..8_usize, 0..3), 8)
        ) {
            let walk = InnerFirst::of(&edges);
            let mut sorted = walk.order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..8).collect::<Vec<_>>());
            prop_assert_eq!(walk.cycles.is_empty(), (0..8).all(|node| !reaches(&edges, node, node)));
            for circle in &walk.cycles {
                prop_assert_eq!(circle.first(), circle.last());
                prop_assert!(circle.windows(2).all(|edge| edges[edge[0]].contains(&edge[1])));
            }
            let position = |node: usize| walk.order.iter().position(|known| *known == node);
            let closing: Vec<[usize; 2]> =
                walk.cycles.iter().map(|circle| [circle[circle.len() - 2], circle[circle.len() - 1]]).collect();
            for (node, reads) in edges.iter().enumerate() {
                for inner in reads {
                    prop_assert!(position(*inner) < position(node) || closing.contains(&[node, *inner]));
                }
            }
        }
    }
}
