// The reply of `/tour/frame`: images of one tick, and the pose that they were drawn with.
//
// A little-endian u32 header length, a JSON header, then the passes one after another,
// uncompressed, in C order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "Geometry.h"

namespace openrelic {

struct PassKind {
    std::string_view name;
    std::string_view dtype;
    int channels;  // 1: the array has no last axis
    int channel_bytes;
};

/// The pass of that name, null if there is none.
const PassKind* FindPass(std::string_view name);

/// The names, with commas between.
std::string PassList();

struct FrameFacts {
    int64_t frame = 0;
    Pose pose;
    double fov_deg = 90.0;
    int width = 0, height = 0;
};

size_t PassBytes(const PassKind& pass, int width, int height);

/// The JSON header. `passes` are known names.
std::string FrameHeader(const FrameFacts& facts, const std::vector<std::string>& passes);

/// The reply; false with a sentence where an image is not as large as its pass must be.
bool PackFrame(const FrameFacts& facts, const std::vector<std::string>& passes,
               const std::vector<std::vector<uint8_t>>& images, std::vector<uint8_t>& reply, std::string& error);

/// BGRA of `count` pixels, opaque: what scene captures leave in alpha is no picture's.
std::vector<uint8_t> PackLit(const uint8_t* bgra, size_t count);

/// RGB of BGRA.
std::vector<uint8_t> PackMask(const uint8_t* bgra, size_t count);

/// float32 of the first of every `stride` floats; what is not finite, or behind the sky, is `far_cm`.
std::vector<uint8_t> PackDepth(const float* values, size_t count, size_t stride, float far_cm);

/// round(127.5 (n + 1)) of normals, the first three of every `stride` floats; (128,128,128) is none.
///
/// Engine versions write n, or 0.5 (n + 1): whichever gives the pixels length 1 is taken.
std::vector<uint8_t> PackNormal(const float* values, size_t count, size_t stride);

}  // namespace openrelic
