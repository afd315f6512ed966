// Package flow owns the density model: a RealNVP or Glow normalizing flow for feature vectors, its training and its
// stopping rule.
//
// A flow is an invertible map f from a feature vector x in R^d to a latent vector z in R^d, together with a
// simple density p_Z, the base. By the change of variables
//
//	log p(x) = log p_Z(f(x)) + log |det ∂f/∂x|
//
// and f is built so that its log-determinant is a sum that falls out of the forward pass:
//
//	x ── Whiten ── [ ActNorm ── Coupling ] × K ── z ~ base             RealNVP
//	x ── Whiten ── [ ActNorm ── Linear ── Coupling ] × K ── z ~ base   Glow
//
// Whiten is a fixed linear map estimated once from the training features; ActNorm is a learned scale and shift of
// each coordinate; Coupling is the affine coupling of RealNVP (Dinh et al., arXiv:1605.08803) on true halves: one
// half passes unchanged and drives the scale and shift of the other; Linear is the learned invertible map of Glow (Kingma &
// Dhariwal, arXiv:1807.03039), kept as an LU decomposition. The base is a standard normal or a mixture of
// unit normals at the class means.
//
// Kernels are float32; log-determinants, base densities and scores are summed in float64. Densities are in nats.
package flow
