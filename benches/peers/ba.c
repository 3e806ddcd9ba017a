/* Residuals and Jacobian of bundle adjustment (w5.py) by hand, one observation after the other.
   objective: r[P,2], e[P]. jacobian: J[P,2,15] with columns rot 3, C 3, f, x0 2, rad 2, X 3, w; then de/dw[P]. */
#include <math.h>

#define ROTATION \
  double theta = sqrt(c[0] * c[0] + c[1] * c[1] + c[2] * c[2]), ct = cos(theta), st = sin(theta), it = 1 / theta; \
  double k[3] = {c[0] * it, c[1] * it, c[2] * it}, v[3] = {p[0] - c[3], p[1] - c[4], p[2] - c[5]}; \
  double kv = k[0] * v[0] + k[1] * v[1] + k[2] * v[2], oc = 1 - ct, Y[3]; \
  double kx[3] = {k[1] * v[2] - k[2] * v[1], k[2] * v[0] - k[0] * v[2], k[0] * v[1] - k[1] * v[0]}; \
  for (int i = 0; i < 3; i++) Y[i] = v[i] * ct + kx[i] * st + k[i] * kv * oc; \
  double iz = 1 / Y[2], a = Y[0] * iz, b = Y[1] * iz, r2 = a * a + b * b, D = 1 + c[9] * r2 + c[10] * r2 * r2, L = c[6] * D;

void objective(long P, const double *cameras, const double *points, const double *w, const double *features,
               const long *camera, const long *point, double *out, long repetitions) {
  for (long r = 0; r < repetitions; r++) {
    for (long o = 0; o < P; o++) {
      const double *c = cameras + 11 * camera[o], *p = points + 3 * point[o];
      ROTATION
      out[2 * o] = w[o] * (L * a + c[7] - features[2 * o]);
      out[2 * o + 1] = w[o] * (L * b + c[8] - features[2 * o + 1]);
      out[2 * P + o] = 1 - w[o] * w[o];
    }
    __asm__ volatile("" ::"r"(out) : "memory");
  }
}

void jacobian(long P, const double *cameras, const double *points, const double *w, const double *features,
              const long *camera, const long *point, double *out, long repetitions) {
  for (long r = 0; r < repetitions; r++) {
    for (long o = 0; o < P; o++) {
      const double *c = cameras + 11 * camera[o], *p = points + 3 * point[o];
      double *J = out + 30 * o, wo = w[o];
      ROTATION
      /* R = ct I + st [k]x + oc k k' */
      double R[9] = {ct + oc * k[0] * k[0],         -st * k[2] + oc * k[0] * k[1], st * k[1] + oc * k[0] * k[2],
                     st * k[2] + oc * k[0] * k[1],  ct + oc * k[1] * k[1],         -st * k[0] + oc * k[1] * k[2],
                     -st * k[1] + oc * k[0] * k[2], st * k[0] + oc * k[1] * k[2],  ct + oc * k[2] * k[2]};
      double dL = c[6] * 2 * (c[9] + 2 * c[10] * r2), aa = L + dL * a * a, ab = dL * a * b, bb = L + dL * b * b;
      double A[2][3] = {{wo * aa * iz, wo * ab * iz, -wo * (aa * a + ab * b) * iz},
                        {wo * ab * iz, wo * bb * iz, -wo * (ab * a + bb * b) * iz}};
      /* dY/drot[j]: by the angle, dY/dtheta k[j], and by the direction. */
      double dt[3];
      for (int i = 0; i < 3; i++) dt[i] = -v[i] * st + kx[i] * ct + k[i] * kv * st;
      for (int j = 0; j < 3; j++) {
        double dk[3] = {-k[0] * k[j] * it, -k[1] * k[j] * it, -k[2] * k[j] * it};
        dk[j] += it;
        double dkv = dk[0] * v[0] + dk[1] * v[1] + dk[2] * v[2], f = kv * oc;
        double g0 = dt[0] * k[j] + (dk[1] * v[2] - dk[2] * v[1]) * st + dk[0] * f + k[0] * dkv * oc;
        double g1 = dt[1] * k[j] + (dk[2] * v[0] - dk[0] * v[2]) * st + dk[1] * f + k[1] * dkv * oc;
        double g2 = dt[2] * k[j] + (dk[0] * v[1] - dk[1] * v[0]) * st + dk[2] * f + k[2] * dkv * oc;
        for (int i = 0; i < 2; i++) {
          J[15 * i + j] = A[i][0] * g0 + A[i][1] * g1 + A[i][2] * g2;
          double s = A[i][0] * R[j] + A[i][1] * R[3 + j] + A[i][2] * R[6 + j];
          J[15 * i + 3 + j] = -s;
          J[15 * i + 11 + j] = s;
        }
      }
      double e = wo * c[6] * r2;
      J[6] = wo * D * a, J[7] = wo, J[8] = 0, J[9] = e * a, J[10] = e * r2 * a, J[14] = L * a + c[7] - features[2 * o];
      J[21] = wo * D * b, J[22] = 0, J[23] = wo, J[24] = e * b, J[25] = e * r2 * b;
      J[29] = L * b + c[8] - features[2 * o + 1];
      out[30 * P + o] = -2 * wo;
    }
    __asm__ volatile("" ::"r"(out) : "memory");
  }
}
